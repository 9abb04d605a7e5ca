// What the files of this port ask of a board. Each board is a folder beside this header: start and faults, memory map
// (link.ld), the kernel's settings (board_config.h), how it is built (board.cmake), and a driver for its network controller.
#ifndef TENON_PORT_FREERTOS_BOARD_H
#define TENON_PORT_FREERTOS_BOARD_H

#include "core/bytes.h"

// --- network, the same on every board (network.c, udp.c) -----------------------------------------------------------------

// Brings the interface up with the address, mask and gateway ("10.0.2.15", "255.255.255.0", "10.0.2.2"). False for text that
// is no address, or without the controller. Once, from the node's task, before the first socket.
bool board_network_open(const char *address, const char *mask, const char *gateway);
// Datagrams from and to the host `here` carry the address `in_plan` above the port. For QEMU's user network, which shows the
// loopback addresses of its host, where the other nodes of a test are, as 10.0.2.2.
bool board_network_alias(const char *here, const char *in_plan);
// Frames that wait in the controller.
uint32_t board_network_waiting(void);
// Hands lwIP the oldest of them, or drops it when it is broken or longer than a buffer. False when none waits, or when lwIP's
// buffers are in use: then it stays where it is.
bool board_network_poll(void);
// Sleeps until a frame arrives or so many milliseconds have passed.
void board_network_sleep(uint32_t timeout_ms);

// --- the network controller, each board's own ----------------------------------------------------------------------------

struct pbuf;

// Starts the controller under this address. False when there is none. From the node's task, which its interrupt wakes.
bool board_ethernet_open(const uint8_t mac[6]);
// Copies the frame out. False when there is no room: UDP promises nothing.
bool board_ethernet_send(const struct pbuf *frame);
// Frames that have arrived and wait.
uint32_t board_ethernet_waiting(void);
// Takes the oldest frame that waits into `buffer`, which is in one piece, and shortens it to the frame. False when the frame
// was damaged or does not fit: it is gone.
bool board_ethernet_take(struct pbuf *buffer);
// Sleeps until a frame arrives, has arrived already, or so many milliseconds have passed.
void board_ethernet_sleep(uint32_t timeout_ms);

// --- the serial line to what stands at the board's wires, the same on every board (serial.c) -----------------------------

// What port_wait waits for, as a descriptor: a line has come.
#define BOARD_SERIAL_DESCRIPTOR 63

// Listens; `end` is the byte that ends a line. False when the board has no such line. From the node's task.
bool board_serial_open(uint8_t end);
bool board_serial_waits(void);
// Takes the next line, without its end. False when none has come. `size` above out.size: it did not fit and is cut off.
bool board_serial_take(struct buffer out, size_t *size);
// Sends; returns when the controller has the last byte. False when the controller does not get rid of its bytes.
bool board_serial_send(struct bytes bytes);
// For the controller's interrupt: takes what has come.
void board_serial_interrupt(void);

// --- its controller, each board's own ------------------------------------------------------------------------------------

// Starts the controller, and interrupts when a byte comes. False when the board has none.
bool board_uart_open(void);
// Whether a byte that comes interrupts.
void board_uart_listen(bool on);
// A byte that has come; false when none has.
bool board_uart_receive(uint8_t *byte);
// False when there is no room.
bool board_uart_send(uint8_t byte);

// --- the rest ------------------------------------------------------------------------------------------------------------

// Seconds since 1970 of whatever real-time clock there is; 0 for none.
uint32_t board_unix_s(void);
// A counter of processor cycles, or of anything as fast.
uint32_t board_cycles(void);
// One bit for each LED, from bit 0; a word of memory where a board has none.
volatile uint32_t *board_leds(void);
// One character of the log.
void board_put(char letter);
_Noreturn void board_reset(void);

// Says what cannot be and starts the board anew (halt.c).
_Noreturn void port_halt(const char *what, const char *where);
// Waits when the starts before this one failed. Once, from the node's task, before anything is written to flash.
void port_halt_pause(void);

#endif
