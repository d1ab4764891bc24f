/*
 * model_budget.h - the memory plan of a configuration, on this machine.
 *
 * What `fcgi-host plan` prints is what a start enforces.
 */
#ifndef MODEL_MODEL_BUDGET_H
#define MODEL_MODEL_BUDGET_H

#include "config/config.h"
#include "common/err.h"
#include "model/model.h"

#define MODEL_BUDGET_LIMIT_MAX	256

struct model_budget {
	struct plan_item	*items;
	struct plan		 plan;		/* computed */
	uint64_t		 available;
	char			 limit[MODEL_BUDGET_LIMIT_MAX];
};

/*
 * A model that is in memory already.  `reused`: the configuration's model of
 * that name is this one; else it stays until an old generation has left.
 */
struct model_resident {
	const char	*name;
	uint64_t	 bytes;
	bool		 reused;
	bool		 freed_first;	/* gone before the new one comes */
};

/*
 * From the sizes of the models' files as they are now; a missing file counts
 * 0.  -1 and why.  Release with model_budget_free().
 */
int	model_budget_make(const struct config *,
	    const struct model_resident *, size_t count,
	    struct model_budget *out, struct err *);
void	model_budget_free(struct model_budget *);

#endif
