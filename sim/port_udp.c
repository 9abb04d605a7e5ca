// port/port.h for the simulator: datagrams of the current host. A host has one socket.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "sim/sim.h"

struct port_udp {
    struct host *host;
    uint64_t waited_ms;
};

enum error port_udp_open(const char *address, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    struct host *host = host_current();
    struct coap_address asked;
    if (port_address_parse(address, &asked) != ERROR_NONE || memcmp(&asked, &host->address, sizeof asked) != 0 || host->bound) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "\"%s\" is not the simulated host's address, or is in use", address);
        return ERROR_NETWORK;
    }
    struct port_udp *udp = malloc(sizeof *udp);
    if (udp == NULL) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "no memory for a socket");
        return ERROR_MEMORY;
    }
    *udp = (struct port_udp){.host = host};
    host->bound = true;
    *out = udp;
    return ERROR_NONE;
}

void port_udp_close(struct port_udp *udp) {
    if (udp != NULL) {
        udp->host->bound = false;
        free(udp);
    }
}

bool port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram) {
    if (host_effect(udp->host, "send")) {
        network_send(udp->host->sim, udp->host, to, datagram);
    }
    return true;
}

enum error port_udp_receive(struct port_udp *udp, struct coap_address *from, struct buffer scratch, struct bytes *datagram) {
    struct host *host = udp->host;
    struct flight *flight = host->inbox_head;
    if (flight == NULL) {
        return ERROR_NOT_FOUND;
    }
    host->inbox_head = flight->next;
    if (host->inbox_head == NULL) {
        host->inbox_tail = NULL;
    }
    host->inbox_count--;
    *from = flight->from;
    bool fits = flight->size <= scratch.size;
    if (fits) {
        memcpy(scratch.data, flight->data, flight->size);
        *datagram = (struct bytes){scratch.data, flight->size};
    }
    udp->waited_ms = (host->sim->now_us - flight->arrived_us) / 1000;
    network_release(&host->sim->network, flight);
    return fits ? ERROR_NONE : ERROR_TOO_LARGE;
}

// The simulated network has no groups: nothing that the building's control rests on goes by multicast.
enum error port_udp_join(const char *group, const char *interface, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    *out = NULL;
    snprintf(refusal, PORT_REFUSAL_SIZE, "%s on %s: the simulated network has no multicast", group, interface);
    return ERROR_NOT_FOUND;
}

uint64_t port_udp_waited_ms(const struct port_udp *udp) {
    return udp->waited_ms;
}

int port_udp_descriptor(const struct port_udp *udp) {
    (void)udp;
    return -1;
}

void port_udp_address(const struct port_udp *udp, struct coap_address *out) {
    *out = udp->host->address;
}

// The scheduler waits, never the program.
uint64_t port_wait(const int *descriptors, uint32_t count, uint64_t timeout_ms) {
    (void)descriptors;
    (void)count;
    (void)timeout_ms;
    assert_failed("no program waits in the simulator", __func__);
}

enum error port_address_parse(const char *text, struct coap_address *out) {
    static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    if (size == 0 || size >= sizeof host) {
        return ERROR_MALFORMED;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    uint16_t port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    memcpy(out->octets, mapped_prefix, sizeof mapped_prefix);
    memcpy(out->octets + 16, &port, 2);
    return inet_pton(AF_INET, host, out->octets + 12) == 1 ? ERROR_NONE : ERROR_MALFORMED;
}

void port_address_text(const struct coap_address *address, char out[64]) {
    const uint8_t *octets = address->octets;
    snprintf(out, 64, "%u.%u.%u.%u:%u", octets[12], octets[13], octets[14], octets[15], (unsigned)octets[16] << 8 | octets[17]);
}
