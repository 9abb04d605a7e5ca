#include "firmware/board_driver.h"

#include "core/wire.h"
#include "port/freertos/board.h"
#include "port/port.h"

#define HEATING 1u
#define HYSTERESIS 0.5

static struct {
    double temperature;
    double setpoint;
    bool controlled; // by the set-point
    uint64_t stepped_ms;
} room = {.temperature = 20.0};

static void switch_led(uint32_t mask, bool on) {
    *board_leds() = on ? *board_leds() | mask : *board_leds() & ~mask;
}

static void step_room(void) {
    uint64_t now_ms = port_clock_ms();
    double share = (double)(now_ms - room.stepped_ms) / ROOM_CONSTANT_MS;
    double towards = (*board_leds() & HEATING) != 0 ? 30.0 : 10.0;
    room.stepped_ms = now_ms;
    room.temperature += (towards - room.temperature) * (share > 1 ? 1 : share);
    if (room.controlled && room.temperature < room.setpoint - HYSTERESIS) {
        switch_led(HEATING, true);
    } else if (room.controlled && room.temperature > room.setpoint + HYSTERESIS) {
        switch_led(HEATING, false);
    }
}

static enum error board_read(const char *point, double scale, struct buffer item, size_t *size) {
    uint8_t number[9];
    if (strcmp(point, "temperature") != 0) {
        return ERROR_NOT_FOUND;
    }
    step_room();
    double rounded = (double)(int64_t)(room.temperature * scale * 100 + 0.5) / 100;
    *size = wire_put_number(rounded, number);
    if (*size > item.size) {
        return ERROR_TOO_LARGE;
    }
    memcpy(item.data, number, *size);
    return ERROR_NONE;
}

static enum error board_write(const char *point, double scale, struct bytes item) {
    bool is_boolean = item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5);
    double number = 0;
    if (strcmp(point, "setpoint") == 0 && wire_number(item, &number)) {
        room.setpoint = number / scale;
        room.controlled = true;
        step_room();
    } else if (strcmp(point, "led0") == 0 && is_boolean) {
        switch_led(HEATING, item.data[0] == 0xf5);
        room.controlled = false;
    } else if (strcmp(point, "led1") == 0 && is_boolean) {
        switch_led(2u, item.data[0] == 0xf5);
    } else {
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

const struct polled_driver board_driver = {board_read, board_write};
