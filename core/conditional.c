#include "core/conditional.h"

#include <math.h>

#include "core/decimal.h"
#include "core/wire.h"

// --- parsing ---------------------------------------------------------------------------------------------------------------

enum parameter { GT, LT, ST, BAND, EDGE, PMIN, PMAX, EPMIN, EPMAX, CON, PARAMETER_COUNT };

static const struct {
    const char *name;
    const char *refusal;
} parameters[PARAMETER_COUNT] = {
    [GT] = {"c.gt", "c.gt: write it once, with a decimal of at most 15 digits, as in c.gt=21.5"},
    [LT] = {"c.lt", "c.lt: write it once, with a decimal of at most 15 digits, as in c.lt=18"},
    [ST] = {"c.st", "c.st: write it once, with a decimal over 0, as in c.st=0.5"},
    [BAND] = {"c.band", "c.band: write it once, without a value, and c.gt or c.lt beside it"},
    [EDGE] = {"c.edge", "c.edge: write it once, with 0 (falling) or 1 (rising)"},
    [PMIN] = {"c.pmin", "c.pmin: write it once, with seconds over 0, as in c.pmin=10"},
    [PMAX] = {"c.pmax", "c.pmax: write it once, with seconds over 0 and not under c.pmin, as in c.pmax=60"},
    [EPMIN] = {"c.epmin", "c.epmin: write it once, with seconds over 0, as in c.epmin=1"},
    [EPMAX] = {"c.epmax", "c.epmax: write it once, with seconds over c.epmin, as in c.epmax=5"},
    [CON] = {"c.con", "c.con: write it once, with 0 or 1"},
};

static bool read_boolean(struct bytes value, bool *out) {
    *out = bytes_equal(value, bytes_of_text("1")) || bytes_equal(value, bytes_of_text("true"));
    return *out || bytes_equal(value, bytes_of_text("0")) || bytes_equal(value, bytes_of_text("false"));
}

static bool read_period(struct bytes value, uint32_t *out) {
    double seconds = 0;
    if (!decimal_read(value, &seconds) || !(seconds > 0) || seconds > UINT32_MAX / 1000) {
        return false;
    }
    *out = (uint32_t)(seconds * 1000 + 0.5);
    *out = *out == 0 ? 1 : *out;
    return true;
}

static bool read_parameter(enum parameter parameter, struct bytes value, bool has_value, struct conditional *out) {
    switch (parameter) {
    case GT:
        out->has_gt = true;
        return decimal_read(value, &out->gt);
    case LT:
        out->has_lt = true;
        return decimal_read(value, &out->lt);
    case ST:
        out->has_st = true;
        return decimal_read(value, &out->st) && out->st > 0;
    case BAND:
        out->band = true;
        return !has_value;
    case EDGE:
        out->has_edge = true;
        return read_boolean(value, &out->edge);
    case PMIN:
        return read_period(value, &out->pmin_ms);
    case PMAX:
        return read_period(value, &out->pmax_ms);
    case EPMIN:
        return read_period(value, &out->epmin_ms);
    case EPMAX:
        return read_period(value, &out->epmax_ms);
    case CON:
        return read_boolean(value, &out->confirmable);
    case PARAMETER_COUNT:
        break;
    }
    return false;
}

static enum parameter find_parameter(struct bytes name) {
    uint32_t i = 0;
    while (i < PARAMETER_COUNT && !bytes_equal(name, bytes_of_text(parameters[i].name))) {
        i++;
    }
    return (enum parameter)i;
}

static const char *check_together(const struct conditional *conditional, enum value_type type) {
    bool scalar = conditional->has_gt || conditional->has_lt || conditional->has_st;
    if (conditional->band && !conditional->has_gt && !conditional->has_lt) {
        return parameters[BAND].refusal;
    }
    if (conditional->pmax_ms > 0 && conditional->pmax_ms < conditional->pmin_ms) {
        return parameters[PMAX].refusal;
    }
    if (conditional->epmax_ms > 0 && conditional->epmax_ms <= conditional->epmin_ms) {
        return parameters[EPMAX].refusal;
    }
    if (scalar && type != TYPE_NUMBER && type != TYPE_ANY) {
        return "c.gt, c.lt, c.st: only where the value is a number";
    }
    if (conditional->has_edge && type != TYPE_BOOLEAN && type != TYPE_ANY) {
        return "c.edge: only where the value is a boolean";
    }
    return NULL;
}

enum error conditional_parse(const struct coap_message *message, enum value_type type, struct conditional *out,
                             const char **refusal) {
    uint32_t seen = 0;
    *out = (struct conditional){0};
    *refusal = NULL;
    for (uint32_t i = 0; i < message->option_count && *refusal == NULL; i++) {
        struct bytes query = message->options[i].value;
        if (message->options[i].number != COAP_OPTION_URI_QUERY || query.size < 2 || memcmp(query.data, "c.", 2) != 0) {
            continue;
        }
        const uint8_t *sign = memchr(query.data, '=', query.size);
        struct bytes name = {query.data, sign == NULL ? query.size : (size_t)(sign - query.data)};
        struct bytes value = {NULL, 0};
        if (sign != NULL) {
            value = (struct bytes){sign + 1, query.size - name.size - 1};
        }
        enum parameter parameter = find_parameter(name);
        if (parameter == PARAMETER_COUNT) {
            *refusal = "c.*: known are c.gt, c.lt, c.st, c.band, c.edge, c.pmin, c.pmax, c.epmin, c.epmax and c.con";
        } else if ((seen & 1u << parameter) != 0 || !read_parameter(parameter, value, sign != NULL, out)) {
            *refusal = parameters[parameter].refusal;
        } else {
            seen |= 1u << parameter;
        }
    }
    *refusal = *refusal != NULL ? *refusal : check_together(out, type);
    return *refusal == NULL ? ERROR_NONE : ERROR_MALFORMED;
}

// --- evaluation --------------------------------------------------------------------------------------------------------------

static struct conditional_value read_value(struct bytes item) {
    struct conditional_value value = {.kind = CONDITIONAL_NOTHING};
    if (item.size == 0 || wire_is_null(item)) {
        return value;
    }
    if (item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5)) {
        value.kind = CONDITIONAL_BOOLEAN;
        value.number = item.data[0] == 0xf5 ? 1 : 0;
        return value;
    }
    if (wire_number(item, &value.number)) {
        value.kind = isnan(value.number) ? CONDITIONAL_NOTHING : CONDITIONAL_NUMBER;
        return value;
    }
    value.kind = CONDITIONAL_OTHER;
    value.fingerprint = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < item.size; i++) {
        value.fingerprint = (value.fingerprint ^ item.data[i]) * UINT64_C(1099511628211);
    }
    return value;
}

static bool differ(const struct conditional_value *a, const struct conditional_value *b) {
    return a->kind != b->kind || a->number < b->number || a->number > b->number || a->fingerprint != b->fingerprint;
}

static bool is_in_band(const struct conditional *conditional, double value) {
    if (!conditional->has_gt) {
        return value >= conditional->lt;
    }
    if (!conditional->has_lt) {
        return value <= conditional->gt;
    }
    return conditional->gt <= conditional->lt ? value >= conditional->gt && value <= conditional->lt
                                              : value < conditional->lt || value > conditional->gt;
}

static bool has_moved(const struct conditional *conditional, const struct conditional_state *state) {
    double now = state->sampled.number;
    double before = state->reported.number;
    if (conditional->band) {
        return conditional->has_st ? fabs(now - before) >= conditional->st : differ(&state->sampled, &state->reported);
    }
    if (!conditional->has_gt && !conditional->has_lt && !conditional->has_st) {
        return differ(&state->sampled, &state->reported);
    }
    return (conditional->has_gt && (now > conditional->gt) != (before > conditional->gt)) ||
           (conditional->has_lt && (now < conditional->lt) != (before < conditional->lt)) ||
           (conditional->has_st && fabs(now - before) >= conditional->st);
}

static bool is_met(const struct conditional *conditional, const struct conditional_state *state) {
    if (conditional->has_edge) {
        return state->edge_seen;
    }
    if (state->sampled.kind != CONDITIONAL_NUMBER || state->reported.kind != CONDITIONAL_NUMBER) {
        return differ(&state->sampled, &state->reported);
    }
    return has_moved(conditional, state);
}

void conditional_reported(struct conditional_state *state, struct bytes item, uint64_t now_ms) {
    *state = (struct conditional_state){.reported = read_value(item), .reported_ms = now_ms, .evaluated_ms = now_ms};
    state->sampled = state->reported;
}

bool conditional_sample(const struct conditional *conditional, struct conditional_state *state, struct bytes item,
                        uint64_t now_ms) {
    struct conditional_value value = read_value(item);
    bool booleans = value.kind == CONDITIONAL_BOOLEAN && state->sampled.kind == CONDITIONAL_BOOLEAN;
    if (booleans && differ(&value, &state->sampled) && (value.number > 0) == conditional->edge) {
        state->edge_seen = true;
    }
    state->sampled = value;
    state->waits_for_epmin = conditional->epmin_ms > 0 && now_ms < state->evaluated_ms + conditional->epmin_ms;
    if (state->waits_for_epmin) {
        return false;
    }
    state->evaluated_ms = now_ms;
    state->out_of_band = conditional->band && value.kind == CONDITIONAL_NUMBER && !is_in_band(conditional, value.number);
    bool too_long = conditional->pmax_ms > 0 && now_ms >= state->reported_ms + conditional->pmax_ms;
    bool wanted = !state->out_of_band && (too_long || is_met(conditional, state));
    state->waits_for_pmin = wanted && conditional->pmin_ms > 0 && now_ms < state->reported_ms + conditional->pmin_ms;
    return wanted && !state->waits_for_pmin;
}

uint64_t conditional_due(const struct conditional *conditional, const struct conditional_state *state) {
    if (state->waits_for_epmin) {
        return state->evaluated_ms + conditional->epmin_ms;
    }
    if (state->waits_for_pmin) {
        return state->reported_ms + conditional->pmin_ms;
    }
    if (conditional->pmax_ms == 0 || state->out_of_band) {
        return UINT64_MAX;
    }
    uint64_t due_ms = state->reported_ms + conditional->pmax_ms;
    uint64_t evaluable_ms = state->evaluated_ms + conditional->epmin_ms;
    return conditional->epmin_ms > 0 && evaluable_ms > due_ms ? evaluable_ms : due_ms;
}
