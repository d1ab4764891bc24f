/*
 * front_client.h - max_per_client: how many requests of one client are in.
 */
#ifndef FRONT_FRONT_CLIENT_H
#define FRONT_FRONT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct front_pool;
struct front_request;

/* At the start: 0, or -1: no memory. */
int	front_client_start(struct front_pool *);

/* False: as many of its client's are in as may. */
bool	front_client_admits(struct front_request *);

/* Another front let it in. */
void	front_client_again(struct front_request *);

/* It holds no ticket any more. */
void	front_client_left(struct front_request *);
void	front_client_leave(struct front_pool *, uint32_t *ticket);

#endif
