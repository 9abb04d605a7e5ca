#include "plant/server.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/plant_frame.h"

#define NOBODY UINT32_MAX
#define FRAME_SIZE_MAX PLANT_FRAME_SIZE(PLANT_PACKET_SIZE_MAX)
// What waits in the kernel for a board that stands still: a few steps, for old ones are worth nothing.
#define SERIAL_BACKLOG 4096

struct client {
    int descriptor; // -1: the place is free
    bool serial;    // a board's line: bytes in frames
    bool welcome;   // has said hello and was not refused
    uint32_t begun; // bytes of a frame without its end
    uint32_t read_count;
    uint32_t write_count;
    uint32_t read[PLANT_POINTS_MAX]; // indices into config->points
    uint32_t write[PLANT_POINTS_MAX];
};

struct server {
    const struct config *config;
    int listener; // -1: nobody can connect
    int serial_listener;
    bool started;
    uint64_t dropped_steps;
    double *written;  // for each point of the config
    uint32_t *writer; // the client that wrote it last, or NOBODY
    struct client clients[CLIENTS_MAX];
    struct plant_message message; // the one in hand
    uint8_t packet[PLANT_PACKET_SIZE_MAX];
    uint8_t frame[FRAME_SIZE_MAX];
    uint8_t begun[CLIENTS_MAX][FRAME_SIZE_MAX];
};

static bool listen_at(const char *path, int type, int *listener, char *failure) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(failure, CONFIG_REFUSAL_SIZE,
                 "the socket path is longer than the %zu letters that Unix sockets allow: use a shorter one",
                 sizeof address.sun_path - 1);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    *listener = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    if (*listener < 0 || bind(*listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(*listener, CLIENTS_MAX) != 0) {
        snprintf(failure, CONFIG_REFUSAL_SIZE, "cannot listen at %.120s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool server_open(const struct config *config, struct server **out, char failure[CONFIG_REFUSAL_SIZE]) {
    struct server *server = calloc(1, sizeof *server);
    double *written = calloc(config->point_count + 1, sizeof *written);
    uint32_t *writer = calloc(config->point_count + 1, sizeof *writer);
    if (server == NULL || written == NULL || writer == NULL) {
        abort();
    }
    server->config = config;
    server->listener = server->serial_listener = -1;
    server->written = written;
    server->writer = writer;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        server->clients[i].descriptor = -1;
    }
    for (uint32_t i = 0; i < config->point_count; i++) {
        written[i] = (double)NAN;
        writer[i] = NOBODY;
    }
    *out = server;
    // The serial one first: who waits for `socket` to appear finds both.
    if ((config->serial != NULL && !listen_at(config->serial, SOCK_STREAM, &server->serial_listener, failure)) ||
        (config->socket != NULL && !listen_at(config->socket, SOCK_SEQPACKET, &server->listener, failure))) {
        server_close(server);
        return false;
    }
    return true;
}

static void release_points(struct server *server, uint32_t index) {
    for (uint32_t i = 0; i < server->config->point_count; i++) {
        if (server->writer[i] == index) {
            server->writer[i] = NOBODY;
            server->written[i] = (double)NAN;
        }
    }
}

static void close_client(struct server *server, uint32_t index) {
    close(server->clients[index].descriptor);
    server->clients[index] = (struct client){.descriptor = -1};
    release_points(server, index);
}

static void close_listener(int listener, const char *path) {
    if (listener >= 0) {
        close(listener);
        unlink(path);
    }
}

void server_close(struct server *server) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].descriptor >= 0) {
            close_client(server, i);
        }
    }
    close_listener(server->listener, server->config->socket);
    close_listener(server->serial_listener, server->config->serial);
    free(server->written);
    free(server->writer);
    free(server);
}

// Sends server->message. False when the client could not take it.
static bool send_message(struct server *server, const struct client *client) {
    size_t size;
    if (plant_message_encode(&server->message, (struct buffer){server->packet, sizeof server->packet}, &size) != ERROR_NONE) {
        return false;
    }
    struct bytes bytes = {server->packet, size};
    if (client->serial) {
        if (plant_frame_encode(bytes, (struct buffer){server->frame, sizeof server->frame}, &size) != ERROR_NONE) {
            return false;
        }
        bytes = (struct bytes){server->frame, size};
    }
    return send(client->descriptor, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes.size;
}

static void send_step_to(struct server *server, const struct client *client, const struct building_step *step) {
    server->message.kind = PLANT_STEP;
    server->message.step =
        (struct plant_step){.number = step->number, .unix_local_s = step->unix_local_s, .value_count = client->read_count};
    for (uint32_t i = 0; i < client->read_count; i++) {
        double value = step->values[client->read[i]];
        server->message.step.values[i] = (struct plant_value){isfinite(value), isfinite(value) ? value : 0};
    }
    if (!send_message(server, client)) {
        server->dropped_steps++;
    }
}

// Looks the names up. False with a sentence in `refusal`.
static bool find_points(const struct server *server, char names[][NAME_SIZE_MAX], uint32_t count, bool actuators, uint32_t *out,
                        char *refusal) {
    for (uint32_t i = 0; i < count; i++) {
        const struct point *point = config_point(server->config, names[i]);
        if (point == NULL) {
            snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant has no point '%s': see \"points\" in its config", names[i]);
            return false;
        }
        if ((point->kind == POINT_ACTUATORS) != actuators) {
            snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant's point '%s' can only be %s", names[i],
                     actuators ? "read" : "written");
            return false;
        }
        out[i] = (uint32_t)(point - server->config->points);
    }
    return true;
}

// Answers a hello. False when it was refused.
static bool welcome(struct server *server, struct client *client, const struct building_step *pending) {
    char refusal[PLANT_REFUSAL_SIZE] = "";
    struct plant_hello *hello = &server->message.hello;
    client->read_count = hello->read_count;
    client->write_count = hello->write_count;
    client->welcome = find_points(server, hello->read, hello->read_count, false, client->read, refusal) &&
                      find_points(server, hello->write, hello->write_count, true, client->write, refusal);
    server->message.kind = PLANT_ANSWER;
    memcpy(server->message.answer.refusal, refusal, sizeof refusal);
    if (!send_message(server, client) || !client->welcome) {
        fprintf(stderr, "tenon-plant: refused a driver: %s\n", refusal[0] == '\0' ? "it did not take the answer" : refusal);
        return false;
    }
    if (pending != NULL) {
        send_step_to(server, client, pending);
    }
    return true;
}

static bool ask_for_hello(struct server *server, const struct client *client) {
    server->message.kind = PLANT_ANSWER;
    snprintf(server->message.answer.refusal, PLANT_REFUSAL_SIZE, "say hello first");
    (void)send_message(server, client);
    return true;
}

// Acts on server->message. False when the connection is to be closed.
static bool handle(struct server *server, uint32_t index, const struct building_step *pending) {
    struct client *client = &server->clients[index];
    if (client->serial && server->message.kind == PLANT_HELLO) {
        release_points(server, index); // the board has started anew
        client->welcome = false;
    }
    if (!client->welcome && client->serial && server->message.kind != PLANT_HELLO) {
        return ask_for_hello(server, client);
    }
    if (!client->welcome) {
        return server->message.kind == PLANT_HELLO && welcome(server, client, pending);
    }
    if (server->message.kind == PLANT_START) {
        server->started = true;
        return true;
    }
    if (server->message.kind == PLANT_WRITE && server->message.write.index < client->write_count) {
        uint32_t point = client->write[server->message.write.index];
        bool valid = server->message.write.value.valid;
        server->written[point] = valid ? server->message.write.value.value : (double)NAN;
        server->writer[point] = valid ? index : NOBODY;
        return true;
    }
    return false;
}

// Acts on what came. False when the connection was closed.
static bool handle_packet(struct server *server, uint32_t index, struct bytes packet, const struct building_step *pending) {
    enum error error = packet.size > PLANT_PACKET_SIZE_MAX ? ERROR_TOO_LARGE : plant_message_decode(packet, &server->message);
    if (error == ERROR_NONE && handle(server, index, pending)) {
        return true;
    }
    fprintf(stderr, "tenon-plant: closed a connection: %s\n",
            error != ERROR_NONE ? error_text(error) : "a message out of turn, or refused");
    close_client(server, index);
    return false;
}

// Adds a byte to the frame in hand, and acts on the frame that it ends. False when the connection was closed.
static bool take_byte(struct server *server, uint32_t index, uint8_t byte, const struct building_step *pending) {
    struct client *client = &server->clients[index];
    uint8_t *frame = server->begun[index];
    size_t size = 0;
    if (byte != PLANT_FRAME_END) {
        // Of one that is too long the beginning is kept, and its checksum does not hold.
        frame[client->begun] = byte;
        client->begun += client->begun < FRAME_SIZE_MAX - 1 ? 1 : 0;
        return true;
    }
    enum error error = plant_frame_decode(frame, client->begun, &size);
    client->begun = 0;
    return error != ERROR_NONE || handle_packet(server, index, (struct bytes){frame, size}, pending);
}

// What has arrived of a client: into `buffer`, as a packet or as bytes. False when nothing has, or when it is gone and closed.
static bool receive(struct server *server, uint32_t index, struct buffer buffer, size_t *size) {
    for (;;) {
        ssize_t got = recv(server->clients[index].descriptor, buffer.data, buffer.size, MSG_DONTWAIT | MSG_TRUNC);
        if (got > 0) {
            *size = (size_t)got;
            return true;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return false;
        }
        if (got == 0 || errno != ECONNRESET) {
            close_client(server, index);
            return false;
        }
        // It left without reading everything. Linux says so once, before it hands over what the client sent until then.
    }
}

static void serve_client(struct server *server, uint32_t index, const struct building_step *pending) {
    bool serial = server->clients[index].serial;
    uint8_t bytes[256]; // of a serial line; server->packet is needed for answers
    struct buffer buffer = {serial ? bytes : server->packet, serial ? sizeof bytes : sizeof server->packet};
    size_t size = 0;
    bool open = true;
    while (open && receive(server, index, buffer, &size)) {
        if (!serial) {
            open = handle_packet(server, index, (struct bytes){server->packet, size}, pending);
        }
        for (size_t i = 0; serial && open && i < size; i++) {
            open = take_byte(server, index, bytes[i], pending);
        }
    }
}

static void accept_clients(struct server *server, int listener, bool serial) {
    for (;;) {
        int descriptor = listener < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor < 0) {
            return;
        }
        uint32_t index = 0;
        while (index < CLIENTS_MAX && server->clients[index].descriptor >= 0) {
            index++;
        }
        if (index == CLIENTS_MAX) {
            fprintf(stderr, "tenon-plant: %d drivers are connected; one more was turned away\n", CLIENTS_MAX);
            close(descriptor);
            continue;
        }
        if (serial) {
            const int backlog = SERIAL_BACKLOG;
            (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &backlog, sizeof backlog);
        }
        server->clients[index] = (struct client){.descriptor = descriptor, .serial = serial};
    }
}

nfds_t server_poll(const struct server *server, struct pollfd descriptors[SERVER_POLL_MAX]) {
    nfds_t count = 0;
    for (int i = 0; i < 2; i++) {
        int listener = i == 0 ? server->listener : server->serial_listener;
        if (listener >= 0) {
            descriptors[count++] = (struct pollfd){listener, POLLIN, 0};
        }
    }
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].descriptor >= 0) {
            descriptors[count++] = (struct pollfd){server->clients[i].descriptor, POLLIN, 0};
        }
    }
    return count;
}

void server_serve(struct server *server, const struct building_step *pending) {
    accept_clients(server, server->listener, false);
    accept_clients(server, server->serial_listener, true);
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].descriptor >= 0) {
            serve_client(server, i, pending);
        }
    }
}

void server_send_step(struct server *server, const struct building_step *step) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].descriptor >= 0 && server->clients[i].welcome) {
            send_step_to(server, &server->clients[i], step);
        }
    }
}

void server_written(const struct server *server, double *written) {
    memcpy(written, server->written, server->config->point_count * sizeof *written);
}

void server_send_end(struct server *server) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].descriptor >= 0 && server->clients[i].welcome) {
            server->message.kind = PLANT_END;
            (void)send_message(server, &server->clients[i]);
        }
    }
}

uint32_t server_client_count(const struct server *server) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &server->clients[i];
        count += client->descriptor >= 0 && client->welcome && client->read_count + client->write_count > 0;
    }
    return count;
}

bool server_started(const struct server *server) {
    return server->started;
}

uint64_t server_dropped_steps(const struct server *server) {
    return server->dropped_steps;
}
