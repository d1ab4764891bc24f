/*
 * zyg_main.h - the zygote's entry point.
 */
#ifndef ZYGOTE_ZYG_MAIN_H
#define ZYGOTE_ZYG_MAIN_H

#include "common/child.h"

/*
 * Loads the generation's handlers and models, then forks what the supervisor
 * asks for until that link (ZYGOTE_LINK) ends.  Doesn't return.
 */
void	zyg_main(const struct roles *);

#endif
