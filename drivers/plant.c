#include "drivers/plant.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct plant_driver {
    int descriptor;
    uint32_t read_count;
    uint32_t write_count;
    struct plant_message message; // the one in hand, kept here for its size
    uint8_t packet[PLANT_PACKET_SIZE_MAX];
};

static enum error copy_points(const char *const *points, uint32_t count, char out[][NAME_SIZE_MAX], char *refusal) {
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strlen(points[i]);
        if (length == 0 || length >= NAME_SIZE_MAX) {
            snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant's point '%.60s' needs a name of 1 to %d letters", points[i],
                     NAME_SIZE_MAX - 1);
            return ERROR_TOO_LARGE;
        }
        memcpy(out[i], points[i], length + 1);
    }
    return ERROR_NONE;
}

// Sends driver->message. ERROR_BUSY when the plant's queue is full.
static enum error send_message(struct plant_driver *driver) {
    size_t size;
    enum error error = plant_message_encode(&driver->message, (struct buffer){driver->packet, sizeof driver->packet}, &size);
    if (error != ERROR_NONE) {
        return error;
    }
    if (send(driver->descriptor, driver->packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size) {
        return ERROR_NONE;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? ERROR_BUSY : ERROR_NETWORK;
}

// Takes the next packet into driver->message. ERROR_NOT_FOUND when none waits.
static enum error receive_message(struct plant_driver *driver) {
    ssize_t size = recv(driver->descriptor, driver->packet, sizeof driver->packet, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERROR_NOT_FOUND : ERROR_NETWORK;
    }
    if (size == 0) {
        return ERROR_NETWORK;
    }
    if ((size_t)size > sizeof driver->packet ||
        plant_message_decode((struct bytes){driver->packet, (size_t)size}, &driver->message) != ERROR_NONE) {
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

static enum error connect_to(struct plant_driver *driver, const char *path, char *refusal) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant's socket path is longer than the %zu letters that Unix sockets allow",
                 sizeof address.sun_path - 1);
        return ERROR_TOO_LARGE;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    driver->descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (driver->descriptor < 0 || connect(driver->descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "no plant answers at %.80s (%s): is tenon-plant running?", path, strerror(errno));
        return ERROR_NETWORK;
    }
    return ERROR_NONE;
}

static enum error await_answer(struct plant_driver *driver, const char *path, char *refusal) {
    struct pollfd input = {driver->descriptor, POLLIN, 0};
    int ready;
    do {
        ready = poll(&input, 1, PLANT_ANSWER_TIMEOUT_MS);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant at %.90s did not answer within %d s", path,
                 PLANT_ANSWER_TIMEOUT_MS / 1000);
        return ERROR_TIMEOUT;
    }
    enum error error = receive_message(driver);
    if (error == ERROR_NONE && driver->message.kind != PLANT_ANSWER) {
        error = ERROR_MALFORMED;
    }
    if (error != ERROR_NONE) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "what listens at %.60s does not speak the plant's protocol: %s", path,
                 error_text(error));
        return error;
    }
    if (driver->message.answer.refusal[0] != '\0') {
        memcpy(refusal, driver->message.answer.refusal, PLANT_REFUSAL_SIZE);
        return ERROR_DENIED;
    }
    return ERROR_NONE;
}

static enum error say_hello(struct plant_driver *driver, const char *const *read_points, const char *const *write_points,
                            char *refusal) {
    driver->message.kind = PLANT_HELLO;
    driver->message.hello.read_count = driver->read_count;
    driver->message.hello.write_count = driver->write_count;
    enum error error = copy_points(read_points, driver->read_count, driver->message.hello.read, refusal);
    if (error == ERROR_NONE) {
        error = copy_points(write_points, driver->write_count, driver->message.hello.write, refusal);
    }
    if (error == ERROR_NONE) {
        error = send_message(driver);
        if (error != ERROR_NONE) {
            snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant did not take the hello: %s", error_text(error));
        }
    }
    return error;
}

enum error plant_driver_open(const char *socket_path, const char *const *read_points, uint32_t read_count,
                             const char *const *write_points, uint32_t write_count, struct plant_driver **out,
                             char refusal[PLANT_REFUSAL_SIZE]) {
    *out = NULL;
    if (read_count > PLANT_POINTS_MAX || write_count > PLANT_POINTS_MAX) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "a node reads and writes at most %d points of a plant each", PLANT_POINTS_MAX);
        return ERROR_TOO_LARGE;
    }
    struct plant_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "there is no memory for the connection to the plant");
        return ERROR_MEMORY;
    }
    driver->descriptor = -1;
    driver->read_count = read_count;
    driver->write_count = write_count;
    enum error error = connect_to(driver, socket_path, refusal);
    if (error == ERROR_NONE) {
        error = say_hello(driver, read_points, write_points, refusal);
    }
    if (error == ERROR_NONE) {
        error = await_answer(driver, socket_path, refusal);
    }
    if (error != ERROR_NONE) {
        plant_driver_close(driver);
        return error;
    }
    *out = driver;
    return ERROR_NONE;
}

int plant_driver_descriptor(const struct plant_driver *driver) {
    return driver->descriptor;
}

enum error plant_driver_receive(struct plant_driver *driver, struct plant_step *out) {
    enum error error = receive_message(driver);
    if (error != ERROR_NONE) {
        return error;
    }
    bool is_step = driver->message.kind == PLANT_STEP && driver->message.step.value_count == driver->read_count;
    if (!is_step && driver->message.kind != PLANT_END) {
        return ERROR_MALFORMED;
    }
    *out = driver->message.step;
    return ERROR_NONE;
}

enum error plant_driver_write(struct plant_driver *driver, uint32_t index, bool has_value, double value) {
    if (index >= driver->write_count) {
        return ERROR_NOT_FOUND;
    }
    if (has_value && !isfinite(value)) {
        return ERROR_MALFORMED;
    }
    driver->message.kind = PLANT_WRITE;
    driver->message.write = (struct plant_write){index, {has_value, has_value ? value : 0}};
    return send_message(driver);
}

void plant_driver_close(struct plant_driver *driver) {
    if (driver == NULL) {
        return;
    }
    if (driver->descriptor >= 0) {
        close(driver->descriptor);
    }
    free(driver);
}
