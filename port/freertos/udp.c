// Datagrams over lwIP's callbacks, in the node's own thread, one at a time: frames wait in the controller until the one before
// has been handled, and that is read in lwIP's buffer. What is sent goes out from the caller's. IPv4 only, kept as v4-mapped
// addresses (port/posix/udp.c says how). A descriptor is the socket's number, or that
// of the serial line.
#include <stdio.h>
#include <stdlib.h>

#include <lwip/udp.h>

#include "port/freertos/board.h"
#include "port/port.h"

#define SOCKETS_MAX 1 // as in lwipopts.h
#define WAIT_MS_MAX 60000
// Frames in the controller whose age is known; those behind them count from when there is place for them here.
#define SEEN_MAX 8

struct port_udp {
    struct udp_pcb *pcb;
    struct pbuf *datagram; // that waits, or was taken last; in one piece, for a buffer holds a whole frame
    bool taken;
    ip_addr_t from;
    uint16_t port;
    uint32_t arrived_ms;
    uint64_t waited_ms;
};

static struct port_udp sockets[SOCKETS_MAX];
static uint32_t seen_ms[SEEN_MAX]; // of the frames in the controller, the oldest first
static uint32_t seen_count;

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void to_address(const ip_addr_t *ip, uint16_t port, struct coap_address *out) {
    uint32_t octets = ip_addr_get_ip4_u32(ip); // network order, as in memory
    memcpy(out->octets, mapped_prefix, sizeof mapped_prefix);
    memcpy(out->octets + 12, &octets, 4);
    out->octets[16] = (uint8_t)(port >> 8);
    out->octets[17] = (uint8_t)port;
}

// The plan's word for a host that this network shows under another address; both 0 for none.
static uint32_t alias_here, alias_in_plan;

bool board_network_alias(const char *here, const char *in_plan) {
    ip4_addr_t ip[2];
    if (!ip4addr_aton(here, &ip[0]) || !ip4addr_aton(in_plan, &ip[1])) {
        return false;
    }
    alias_here = ip4_addr_get_u32(&ip[0]);
    alias_in_plan = ip4_addr_get_u32(&ip[1]);
    return true;
}

static uint16_t port_of(const struct coap_address *address) {
    return (uint16_t)(address->octets[16] << 8 | address->octets[17]);
}

enum error port_address_parse(const char *text, struct coap_address *out) {
    char host[16];
    char *rest = NULL;
    ip_addr_t ip;
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? sizeof host : (size_t)(colon - text);
    if (size >= sizeof host || colon[1] < '0' || colon[1] > '9') {
        return ERROR_MALFORMED;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    unsigned long port = strtoul(colon + 1, &rest, 10);
    if (*rest != '\0' || port > UINT16_MAX || !ip4addr_aton(host, &ip)) {
        return ERROR_MALFORMED;
    }
    to_address(&ip, (uint16_t)port, out);
    return ERROR_NONE;
}

void port_address_text(const struct coap_address *address, char out[64]) {
    const uint8_t *ip = address->octets + 12;
    snprintf(out, 64, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3], port_of(address));
}

static void arrive(void *context, struct udp_pcb *pcb, struct pbuf *datagram, const ip_addr_t *from, u16_t port) {
    struct port_udp *udp = context;
    (void)pcb;
    if (udp->datagram != NULL || datagram->next != NULL) {
        pbuf_free(datagram); // cannot be while there is one buffer
        return;
    }
    udp->datagram = datagram;
    udp->taken = false;
    udp->from = *from;
    udp->port = port;
    udp->arrived_ms = seen_ms[0];
}

static void release(struct port_udp *udp) {
    if (udp->datagram != NULL && udp->taken) {
        pbuf_free(udp->datagram);
        udp->datagram = NULL;
    }
}

// Notes which frames are there, and hands lwIP the oldest ones until a datagram waits.
static void poll(void) {
    for (;;) {
        uint32_t waiting = board_network_waiting();
        seen_ms[0] = seen_count == 0 ? (uint32_t)port_clock_ms() : seen_ms[0];
        for (; seen_count < waiting && seen_count < SEEN_MAX; seen_count++) {
            seen_ms[seen_count] = (uint32_t)port_clock_ms();
        }
        if (!board_network_poll()) {
            return;
        }
        seen_count -= seen_count > 0;
        memmove(seen_ms, seen_ms + 1, (SEEN_MAX - 1) * sizeof seen_ms[0]);
    }
}

enum error port_udp_open(const char *text, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    struct coap_address address;
    struct port_udp *udp = NULL;
    for (uint32_t i = 0; i < SOCKETS_MAX && udp == NULL; i++) {
        udp = sockets[i].pcb == NULL ? &sockets[i] : NULL;
    }
    if (port_address_parse(text, &address) != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "\"%s\" is not an address: write 0.0.0.0:5683", text);
        return ERROR_MALFORMED;
    }
    struct udp_pcb *pcb = udp == NULL ? NULL : udp_new();
    if (pcb == NULL) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "there are %d sockets and all are in use", SOCKETS_MAX);
        return ERROR_MEMORY;
    }
    if (udp_bind(pcb, IP_ADDR_ANY, port_of(&address)) != ERR_OK) { // the board has one address
        udp_remove(pcb);
        snprintf(refusal, PORT_REFUSAL_SIZE, "cannot listen on %s: the port is in use", text);
        return ERROR_EXISTS;
    }
    *udp = (struct port_udp){.pcb = pcb};
    udp_recv(pcb, arrive, udp);
    *out = udp;
    return ERROR_NONE;
}

// Multicast needs IGMP in lwIP and a filter in the controller: not here yet.
enum error port_udp_join(const char *group, const char *interface, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    (void)group;
    (void)interface;
    (void)out;
    snprintf(refusal, PORT_REFUSAL_SIZE, "this device does not listen to multicast");
    return ERROR_NETWORK;
}

void port_udp_close(struct port_udp *udp) {
    if (udp == NULL) {
        return;
    }
    udp->taken = true;
    release(udp);
    udp_remove(udp->pcb);
    udp->pcb = NULL;
}

bool port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram) {
    ip_addr_t ip;
    uint32_t octets;
    if (memcmp(to->octets, mapped_prefix, sizeof mapped_prefix) != 0 || datagram.size > DATAGRAM_SIZE_MAX) {
        return false;
    }
    memcpy(&octets, to->octets + 12, 4);
    octets = octets == alias_in_plan && alias_here != 0 ? alias_here : octets;
    ip_addr_set_ip4_u32(&ip, octets);
    // lwIP copies what waits for ARP; otherwise it is in the controller when udp_sendto returns.
    struct pbuf *view = pbuf_alloc(PBUF_TRANSPORT, (u16_t)datagram.size, PBUF_ROM);
    if (view == NULL) {
        return false;
    }
    ((struct pbuf_rom *)view)->payload = datagram.data;
    bool good = udp_sendto(udp->pcb, view, &ip, port_of(to)) == ERR_OK;
    pbuf_free(view);
    return good;
}

enum error port_udp_receive(struct port_udp *udp, struct coap_address *from, struct buffer scratch, struct bytes *datagram) {
    (void)scratch;
    release(udp);
    poll();
    if (udp->datagram == NULL) {
        return ERROR_NOT_FOUND;
    }
    udp->taken = true;
    if (ip_addr_get_ip4_u32(&udp->from) == alias_here && alias_here != 0) {
        ip_addr_set_ip4_u32(&udp->from, alias_in_plan);
    }
    to_address(&udp->from, udp->port, from);
    udp->waited_ms = (uint32_t)port_clock_ms() - udp->arrived_ms;
    *datagram = (struct bytes){udp->datagram->payload, udp->datagram->len};
    return datagram->size <= DATAGRAM_SIZE_MAX ? ERROR_NONE : ERROR_TOO_LARGE;
}

uint64_t port_udp_waited_ms(const struct port_udp *udp) {
    return udp->waited_ms;
}

int port_udp_descriptor(const struct port_udp *udp) {
    return (int)(udp - sockets);
}

void port_udp_address(const struct port_udp *udp, struct coap_address *out) {
    to_address(netif_ip_addr4(netif_default), udp->pcb->local_port, out);
}

uint64_t port_wait(const int *descriptors, uint32_t count, uint64_t timeout_ms) {
    uint64_t end_ms = timeout_ms > WAIT_MS_MAX ? port_clock_ms() + WAIT_MS_MAX : port_clock_ms() + timeout_ms;
    for (uint32_t i = 0; i < SOCKETS_MAX; i++) {
        release(&sockets[i]);
    }
    for (;;) {
        uint64_t ready = 0;
        poll();
        for (uint32_t i = 0; i < count; i++) {
            bool serial = descriptors[i] == BOARD_SERIAL_DESCRIPTOR;
            if (descriptors[i] >= 0 && (serial ? board_serial_waits() : sockets[descriptors[i]].datagram != NULL)) {
                ready |= UINT64_C(1) << i;
            }
        }
        uint64_t now_ms = port_clock_ms();
        if (ready != 0 || now_ms >= end_ms) {
            return ready;
        }
        board_network_sleep((uint32_t)(end_ms - now_ms));
    }
}
