// When an observer wants to hear of a new value: the conditional query parameters of draft-ietf-core-conditional-attributes.
//
//   conditional_parse     from the queries of the GET that begins the observation
//   conditional_reported  with the value of each answer and notification sent, the first included
//   conditional_sample    with each new value, and when conditional_due says: true means notify now
//
// Pure: values are CBOR items, time is an argument (milliseconds of the network clock). What the draft leaves open, decided
// here: without c.gt, c.lt and c.st every change of the value counts; a value of another kind than the last reported one (a
// sensor lost or found again) always counts, except under c.edge; a band whose c.gt is above its c.lt excludes both limits, as
// the draft's text says (its reference code includes them); c.edge looks at each pair of samples, not at what was reported, so
// that every rising edge counts although falling ones are not reported.
#ifndef TENON_CORE_CONDITIONAL_H
#define TENON_CORE_CONDITIONAL_H

#include "core/coap_message.h"
#include "core/manifest.h"

struct conditional {
    bool has_gt, has_lt, has_st, has_edge;
    bool band;
    bool edge;        // which: true for rising
    bool confirmable; // c.con: notifications must be CON
    double gt, lt, st;
    uint32_t pmin_ms, pmax_ms, epmin_ms, epmax_ms; // 0 for none
};

enum conditional_kind { CONDITIONAL_NOTHING = 0, CONDITIONAL_NUMBER, CONDITIONAL_BOOLEAN, CONDITIONAL_OTHER };

struct conditional_value {
    enum conditional_kind kind;
    double number;        // of a number; 0 or 1 of a boolean
    uint64_t fingerprint; // of another item
};

struct conditional_state {
    struct conditional_value reported;
    struct conditional_value sampled;
    uint64_t reported_ms;
    uint64_t evaluated_ms;
    bool edge_seen; // since the last report
    bool waits_for_pmin;
    bool waits_for_epmin;
    bool out_of_band;
};

// Reads the parameters among the Uri-Query options; others than c.* are none of its business. `type` is the resource's.
// ERROR_MALFORMED with `*refusal` a sentence that begins with the parameter's name; the sentence is constant.
MUST_CHECK enum error conditional_parse(const struct coap_message *message, enum value_type type, struct conditional *out,
                                        const char **refusal);

// An item of size 0 counts as null.
void conditional_reported(struct conditional_state *state, struct bytes item, uint64_t now_ms);
bool conditional_sample(const struct conditional *conditional, struct conditional_state *state, struct bytes item,
                        uint64_t now_ms);

// When conditional_sample must be called although no value came; UINT64_MAX for never.
uint64_t conditional_due(const struct conditional *conditional, const struct conditional_state *state);

#endif
