// The plant's packets over a Unix socket, one each.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/plant_wire.h"

void *plant_wire_take(size_t size) {
    return calloc(1, size);
}

void plant_wire_give(void *memory) {
    free(memory);
}

enum error plant_wire_open(const char *place, int *wire, char refusal[PLANT_REFUSAL_SIZE]) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(place) >= sizeof address.sun_path) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant's socket path is longer than the %zu letters that Unix sockets allow",
                 sizeof address.sun_path - 1);
        return ERROR_TOO_LARGE;
    }
    memcpy(address.sun_path, place, strlen(place) + 1);
    *wire = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*wire < 0 || connect(*wire, (const struct sockaddr *)&address, sizeof address) != 0) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "no plant answers at %.80s (%s): is tenon-plant running?", place,
                 strerror(errno));
        plant_wire_close(*wire);
        return ERROR_NETWORK;
    }
    return ERROR_NONE;
}

enum error plant_wire_send(int wire, struct bytes packet) {
    if (send(wire, packet.data, packet.size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)packet.size) {
        return ERROR_NONE;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? ERROR_BUSY : ERROR_NETWORK;
}

enum error plant_wire_receive(int wire, struct buffer buffer, size_t *size) {
    ssize_t got = recv(wire, buffer.data, buffer.size, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERROR_NOT_FOUND : ERROR_NETWORK;
    }
    *size = (size_t)got;
    return got == 0 ? ERROR_NETWORK : *size > buffer.size ? ERROR_MALFORMED : ERROR_NONE;
}

bool plant_wire_wait(int wire, uint32_t timeout_ms) {
    struct pollfd input = {wire, POLLIN, 0};
    int ready;
    do {
        ready = poll(&input, 1, (int)timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

void plant_wire_close(int wire) {
    if (wire >= 0) {
        close(wire);
    }
}
