// The drivers that are connected to the plant: who reads what, who wrote what, who said start.
//
//     server_open(&config, &server, failure);
//     loop: fill pollfds with server_poll(), poll, server_serve(); at each step server_send_step(), server_written()
//     server_close(&server);
//
// The last write of a point counts, whoever made it; when the connection of its last writer closes, the point is released.
// A board has a serial line instead of a socket: QEMU connects it to config->serial, and the packets come in frames
// (drivers/plant_frame.h). Such a connection outlives a reset of the board, so a hello may come again, at which the points that
// it wrote are released; damaged frames are passed over, and who is not known is told to say hello.
// Memory: one block, allocated by server_open. Nothing blocks: a step that a driver is too slow to take is dropped and counted.
// Limits: CLIENTS_MAX connections; one more is closed at once.
#ifndef TENON_PLANT_SERVER_H
#define TENON_PLANT_SERVER_H

#include <poll.h>

#include "drivers/plant_protocol.h"
#include "plant/building.h"

// One for each node of a floor, and a few observers.
#define CLIENTS_MAX 128
#define SERVER_POLL_MAX (CLIENTS_MAX + 2)

struct server;

// Listens on config->socket and config->serial, if there are any. False with a sentence in `failure`. The config must outlive
// the server.
bool server_open(const struct config *config, struct server **out, char failure[CONFIG_REFUSAL_SIZE]);
void server_close(struct server *server);
// Fills in what to poll and returns how many.
nfds_t server_poll(const struct server *server, struct pollfd descriptors[SERVER_POLL_MAX]);
// Accepts, reads and answers all that has arrived. A driver that says hello gets `pending` at once when that is not NULL.
void server_serve(struct server *server, const struct building_step *pending);
// Sends each driver its points of this step.
void server_send_step(struct server *server, const struct building_step *step);
// Copies the values that drivers wrote, NaN for none, in the order of config->points.
void server_written(const struct server *server, double *written);
// Tells every driver that the simulation is over.
void server_send_end(struct server *server);
// Drivers with points that have said hello and are still here.
uint32_t server_client_count(const struct server *server);
// A driver has sent the start message.
bool server_started(const struct server *server);
// Steps that could not be delivered because a driver was too slow.
uint64_t server_dropped_steps(const struct server *server);

#endif
