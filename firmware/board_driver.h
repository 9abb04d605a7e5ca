// The sensors and actuators of the mps2-an385: a room that is simulated on the board, and its two LEDs.
//
//     "temperature"  sensor, Cel: rises towards 30 while LED 0 is on and falls towards 10 while it is off, with a time
//                    constant of ROOM_CONSTANT_MS, so that a person at the desk sees a thermostat work
//     "led0"         actuator, boolean: the heating
//     "led1"         actuator, boolean
//     "setpoint"     actuator, number: the room's own controller switches LED 0 by it, with a hysteresis of 0.5 K
#ifndef TENON_FIRMWARE_BOARD_DRIVER_H
#define TENON_FIRMWARE_BOARD_DRIVER_H

#include "drivers/polled.h"

#define ROOM_CONSTANT_MS 20000.0

extern const struct polled_driver board_driver;

#endif
