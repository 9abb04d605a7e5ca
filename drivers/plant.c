#include "drivers/plant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/plant_wire.h"

// Steps that are passed over while the answer to a hello is awaited.
#define STALE_MAX 64

struct plant_driver {
    int wire;
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
    return error != ERROR_NONE ? error : plant_wire_send(driver->wire, (struct bytes){driver->packet, size});
}

// Takes the next packet into driver->message. ERROR_NOT_FOUND when none waits.
static enum error receive_message(struct plant_driver *driver) {
    size_t size;
    enum error error = plant_wire_receive(driver->wire, (struct buffer){driver->packet, sizeof driver->packet}, &size);
    if (error != ERROR_NONE) {
        return error;
    }
    error = plant_message_decode((struct bytes){driver->packet, size}, &driver->message);
    return error != ERROR_NONE ? ERROR_MALFORMED : ERROR_NONE;
}

// A serial line may still bring steps of the connection before, which the plant sent to this driver until it started anew.
static enum error await_answer(struct plant_driver *driver, const char *path, char *refusal) {
    enum error error = ERROR_NOT_FOUND;
    for (uint32_t i = 0; i < STALE_MAX && error == ERROR_NOT_FOUND; i++) {
        if (!plant_wire_wait(driver->wire, PLANT_ANSWER_TIMEOUT_MS)) {
            snprintf(refusal, PLANT_REFUSAL_SIZE, "the plant at %.90s did not answer within %d ms", path,
                     PLANT_ANSWER_TIMEOUT_MS);
            return ERROR_TIMEOUT;
        }
        error = receive_message(driver);
        error = error == ERROR_NONE && driver->message.kind == PLANT_STEP ? ERROR_NOT_FOUND : error;
    }
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
    struct plant_driver *driver = plant_wire_take(sizeof *driver);
    if (driver == NULL) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "there is no memory for the connection to the plant");
        return ERROR_MEMORY;
    }
    driver->wire = -1;
    driver->read_count = read_count;
    driver->write_count = write_count;
    enum error error = plant_wire_open(socket_path, &driver->wire, refusal);
    if (error != ERROR_NONE) {
        plant_wire_give(driver);
        return error;
    }
    error = say_hello(driver, read_points, write_points, refusal);
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
    return driver->wire;
}

enum error plant_driver_receive(struct plant_driver *driver, struct plant_step *out) {
    enum error error = receive_message(driver);
    if (error != ERROR_NONE) {
        return error;
    }
    if (driver->message.kind == PLANT_ANSWER) {
        return ERROR_NETWORK; // of a plant at the end of a serial line that does not know this driver: it has started anew
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
    plant_wire_close(driver->wire);
    plant_wire_give(driver);
}
