// What the two images of `./dev bench mcu` have beside the firmware: a clock at six places on the way of an event through the
// board, and, in one of them, native code instead of the interpreter. The linker's --wrap puts it in; the product has none of
// it.
//
//   frame to lwIP -> datagram to the runtime -> message to the engine -> back -> command to UDP -> frame to the driver
//
// Each event that ends in a command prints the counter between neighbours: "event 0 480 4312 ...", behind the input that it
// came to. The frame's copies out of the controller and into it are outside, for they are the driver's. The counter is read
// within QEMU's instruction clock, so nothing else is counted but what the processor did; nothing waits between the two frames.
#include <stdio.h>

#include <lwip/netif.h>

#include "components/native_components.h"
#include "engine/wamr.h"
#include "port/freertos/board.h"
#include "port/port.h"

#define COAP_CODE_OFFSET 43u // Ethernet 14, IPv4 20, UDP 8, and CoAP's first byte
#define POST 2u
#define HEAP_BYTES 16384u // for engine/native.c, which asks malloc

enum place { FRAME_IN, DATAGRAM_IN, ENGINE_IN, ENGINE_OUT, COMMAND_OUT, FRAME_OUT, PLACE_COUNT };

struct runtime;

err_t __real_netif_input(struct pbuf *frame, struct netif *netif);
err_t __wrap_netif_input(struct pbuf *frame, struct netif *netif);
struct netif *__real_netif_add(struct netif *netif, const ip4_addr_t *address, const ip4_addr_t *mask,
                               const ip4_addr_t *gateway, void *state, netif_init_fn init, netif_input_fn input);
struct netif *__wrap_netif_add(struct netif *netif, const ip4_addr_t *address, const ip4_addr_t *mask,
                               const ip4_addr_t *gateway, void *state, netif_init_fn init, netif_input_fn input);
void __real_runtime_datagram(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram);
void __wrap_runtime_datagram(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram);
bool __real_port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram);
bool __wrap_port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram);
enum error __real_wamr_engine_create(const struct wamr_options *options, struct engine **out);
enum error __wrap_wamr_engine_create(const struct wamr_options *options, struct engine **out);
void *__wrap__sbrk(int increment);

static uint32_t at[PLACE_COUNT];
static enum place next; // of the event in hand; FRAME_IN for none
static uint32_t input_of_event;
static netif_linkoutput_fn to_driver;
static enum error (*to_component)(struct engine_instance *instance, uint32_t input, struct bytes message,
                                  struct outbox *outbox);

static void pass(enum place place) {
    if (place == next || place == FRAME_IN) {
        at[place] = board_cycles();
        next = place + 1;
    }
}

static bool is_post(const struct pbuf *frame) {
    return frame->tot_len > COAP_CODE_OFFSET && pbuf_get_at(frame, COAP_CODE_OFFSET) == POST;
}

static void tell(void) {
    char line[16 * PLACE_COUNT];
    int size = snprintf(line, sizeof line, "event %u", (unsigned)input_of_event);
    for (int i = 1; i < PLACE_COUNT; i++) {
        size += snprintf(line + size, sizeof line - (size_t)size, " %u", (unsigned)(at[i] - at[i - 1]));
    }
    port_log_line(line);
}

static err_t give_to_driver(struct netif *netif, struct pbuf *frame) {
    bool end = next == FRAME_OUT && is_post(frame);
    if (end) {
        pass(FRAME_OUT);
    }
    err_t error = to_driver(netif, frame);
    if (end) {
        next = FRAME_IN;
        tell();
    }
    return error;
}

err_t __wrap_netif_input(struct pbuf *frame, struct netif *netif) {
    if (is_post(frame)) {
        pass(FRAME_IN);
    }
    return __real_netif_input(frame, netif);
}

struct netif *__wrap_netif_add(struct netif *netif, const ip4_addr_t *address, const ip4_addr_t *mask,
                               const ip4_addr_t *gateway, void *state, netif_init_fn init, netif_input_fn input) {
    struct netif *added = __real_netif_add(netif, address, mask, gateway, state, init, input);
    if (added != NULL) {
        to_driver = added->linkoutput;
        added->linkoutput = give_to_driver;
    }
    return added;
}

void __wrap_runtime_datagram(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram) {
    pass(DATAGRAM_IN);
    __real_runtime_datagram(runtime, peer, datagram);
}

static enum error give_to_component(struct engine_instance *instance, uint32_t input, struct bytes message,
                                    struct outbox *outbox) {
    input_of_event = input;
    pass(ENGINE_IN);
    enum error error = to_component(instance, input, message, outbox);
    pass(ENGINE_OUT);
    return error;
}

bool __wrap_port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram) {
    if (datagram.size > 1 && datagram.data[1] == POST) {
        pass(COMMAND_OUT);
    }
    return __real_port_udp_send(udp, to, datagram);
}

enum error __wrap_wamr_engine_create(const struct wamr_options *options, struct engine **out) {
#ifdef BENCH_NATIVE
    (void)options;
    enum error error = native_engine_create(native_components, native_component_count, out);
#else
    enum error error = __real_wamr_engine_create(options, out);
#endif
    if (error == ERROR_NONE) {
        to_component = (*out)->receive;
        (*out)->receive = give_to_component;
    }
    return error;
}

void *__wrap__sbrk(int increment) {
    static _Alignas(8) uint8_t heap[HEAP_BYTES];
    static uint32_t used;
    if (increment < 0 || (uint32_t)increment > sizeof heap - used) {
        return (void *)-1;
    }
    used += (uint32_t)increment;
    return heap + used - (uint32_t)increment;
}
