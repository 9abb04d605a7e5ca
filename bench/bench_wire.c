// What a benchmark that talks to a node in another process begins with: sockets, and an event as a datagram.
#include <stdio.h>

#include "bench/bench.h"
#include "core/delivery.h"
#include "core/wire.h"

void bench_sockets(struct bench_sockets *out) {
    char refusal[PORT_REFUSAL_SIZE];
    if (port_udp_open("127.0.0.1:0", &out->ours, refusal) != ERROR_NONE ||
        port_udp_open("127.0.0.1:0", &out->theirs, refusal) != ERROR_NONE) {
        bench_fail(refusal);
    }
    port_udp_address(out->ours, &out->us);
    port_udp_address(out->theirs, &out->them);
    port_address_text(&out->them, out->listen);
}

size_t bench_event(uint16_t id, uint32_t link, uint64_t sequence, double value, uint8_t out[DATAGRAM_SIZE_MAX]) {
    uint8_t option[DELIVERY_SIZE_MAX];
    uint8_t item[9];
    char path[16];
    size_t option_size = 0;
    size_t size = 0;
    struct coap_builder builder;
    struct delivery delivery = {.delivery = DELIVERY_EVENT, .epoch = 1, .sequence = sequence, .trace = sequence};
    const uint8_t token[2] = {(uint8_t)link, (uint8_t)(link >> 8)};
    snprintf(path, sizeof path, "c/%u", link);
    if (delivery_encode(&delivery, (struct buffer){option, sizeof option}, &option_size) != ERROR_NONE) {
        bench_fail("delivery");
    }
    coap_builder_start(&builder, (struct buffer){out, DATAGRAM_SIZE_MAX}, COAP_CONFIRMABLE, COAP_POST, id,
                       (struct bytes){token, sizeof token});
    coap_builder_path(&builder, path);
    coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_CBOR);
    coap_builder_option(&builder, COAP_OPTION_TENON_DELIVERY, (struct bytes){option, option_size});
    coap_builder_payload(&builder, (struct bytes){item, wire_put_number(value, item)});
    if (coap_builder_finish(&builder, &size) != ERROR_NONE) {
        bench_fail("event");
    }
    return size;
}
