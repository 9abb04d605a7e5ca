#include "core/representation.h"

#include <math.h>

#include "core/coap_message.h"
#include "core/pen.h"
#include "core/wire.h"

// Labels of SenML in CBOR (RFC 8428 §6, table 4).
enum label {
    LABEL_BASE_NAME = -2,
    LABEL_BASE_UNIT = -4,
    LABEL_NAME = 0,
    LABEL_UNIT = 1,
    LABEL_VALUE = 2,
    LABEL_TEXT = 3,
    LABEL_BOOLEAN = 4,
    LABEL_TIME = 6,
    LABEL_DATA = 8
};

bool representation_offers(uint16_t format) {
    return format == COAP_FORMAT_CBOR || format == COAP_FORMAT_SENML_CBOR || format == COAP_FORMAT_SENML_JSON ||
           format == COAP_FORMAT_TEXT;
}

// --- values ------------------------------------------------------------------------------------------------------------------

enum kind { KIND_NULL, KIND_NUMBER, KIND_BOOLEAN, KIND_TEXT, KIND_ARRAY, KIND_OTHER };

struct value {
    enum kind kind;
    double number;     // 0 or 1 of a boolean
    struct bytes text; // of a text; of another item, the item itself
    struct bytes rest; // of an array: its elements
    uint32_t count;
};

// The head of a definite-length item (RFC 8949 §3): size of the head, or 0.
static size_t read_head(struct bytes item, unsigned *major, uint64_t *argument) {
    if (item.size == 0) {
        return 0;
    }
    unsigned additional = item.data[0] & 0x1f;
    size_t size = additional < 24 ? 0 : additional < 28 ? (size_t)1 << (additional - 24) : 99;
    if (item.size < size + 1) {
        return 0;
    }
    *major = item.data[0] >> 5;
    *argument = size == 0 ? additional : 0;
    for (size_t i = 1; i <= size; i++) {
        *argument = *argument << 8 | item.data[i];
    }
    return size + 1;
}

// Size of a number, boolean, null or text at the front of `items`; 0 when something else is there.
static size_t scalar_size(struct bytes items) {
    unsigned major = 0;
    uint64_t argument = 0;
    size_t head = read_head(items, &major, &argument);
    if (head == 0 || (major != 0 && major != 1 && major != 3 && major != 7)) {
        return 0;
    }
    if (major != 3) {
        return head;
    }
    return argument > items.size - head ? 0 : head + (size_t)argument;
}

static struct value read_value(struct bytes item) {
    struct value value = {.kind = KIND_OTHER, .text = item};
    unsigned major = 0;
    uint64_t argument = 0;
    size_t head = read_head(item, &major, &argument);
    if (item.size == 0 || wire_is_null(item)) {
        value.kind = KIND_NULL;
    } else if (wire_number(item, &value.number)) {
        value.kind = KIND_NUMBER;
    } else if (item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5)) {
        value.kind = KIND_BOOLEAN;
        value.number = item.data[0] == 0xf5 ? 1 : 0;
    } else if (head > 0 && major == 3 && argument == item.size - head) {
        value.kind = KIND_TEXT;
        value.text = (struct bytes){item.data + head, item.size - head};
    } else if (head > 0 && major == 4 && argument > 0 && argument <= item.size) {
        value.rest = (struct bytes){item.data + head, item.size - head};
        value.count = (uint32_t)argument;
        struct bytes rest = value.rest;
        uint32_t count = 0;
        for (size_t size = scalar_size(rest); size > 0; size = scalar_size(rest)) {
            rest = (struct bytes){rest.data + size, rest.size - size};
            count++;
        }
        value.kind = rest.size == 0 && count == value.count ? KIND_ARRAY : KIND_OTHER;
    }
    return value;
}

// Takes the first element off an array of scalars.
static struct value next_element(struct bytes *rest) {
    size_t size = scalar_size(*rest);
    struct value value = read_value((struct bytes){rest->data, size});
    *rest = (struct bytes){rest->data + size, rest->size - size};
    return value;
}

static void put_hex(struct pen *pen, struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        pen_octet(pen, (unsigned)"0123456789abcdef"[bytes.data[i] >> 4]);
        pen_octet(pen, (unsigned)"0123456789abcdef"[bytes.data[i] & 15]);
    }
}

// --- text --------------------------------------------------------------------------------------------------------------------

static void put_text(struct pen *pen, const struct value *value) {
    struct bytes rest = value->rest;
    switch (value->kind) {
    case KIND_NULL:
        pen_text(pen, "null");
        return;
    case KIND_NUMBER:
        pen_text(pen, isfinite(value->number) ? ""
                      : isnan(value->number)  ? "NaN"
                      : value->number > 0     ? "Infinity"
                                              : "-Infinity");
        pen_decimal(pen, value->number);
        return;
    case KIND_BOOLEAN:
        pen_text(pen, value->number > 0 ? "true" : "false");
        return;
    case KIND_TEXT:
        pen_bytes(pen, value->text);
        return;
    case KIND_ARRAY:
        for (uint32_t i = 0; i < value->count; i++) {
            struct value element = next_element(&rest);
            pen_text(pen, i == 0 ? "[" : ", ");
            put_text(pen, &element); // one level: an element is a scalar
        }
        pen_text(pen, "]");
        return;
    case KIND_OTHER:
        pen_text(pen, "h'");
        put_hex(pen, value->text);
        pen_text(pen, "'");
        return;
    }
}

// --- SenML as CBOR
// -------------------------------------------------------------------------------------------------------------

static void put_head(struct pen *pen, unsigned major, uint64_t argument) {
    unsigned size = argument < 24 ? 0 : argument <= 0xff ? 1 : argument <= 0xffff ? 2 : argument <= 0xffffffff ? 4 : 8;
    unsigned additional = size == 0 ? (unsigned)argument : size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;
    pen_octet(pen, major << 5 | additional);
    for (unsigned i = size; i > 0; i--) {
        pen_octet(pen, (unsigned)(argument >> (8 * (i - 1))) & 0xff);
    }
}

static void put_label(struct pen *pen, enum label label) {
    if (label < 0) {
        put_head(pen, 1, (uint64_t)(-1 - (int)label));
    } else {
        put_head(pen, 0, (uint64_t)label);
    }
}

static void put_number(struct pen *pen, double number) {
    uint8_t item[9];
    size_t size = wire_put_number(number, item);
    pen_bytes(pen, (struct bytes){item, size});
}

static void put_string(struct pen *pen, unsigned major, struct bytes text) {
    put_head(pen, major, text.size);
    pen_bytes(pen, text);
}

static void put_cbor_value(struct pen *pen, const struct value *value) {
    switch (value->kind) {
    case KIND_NULL:
        return;
    case KIND_NUMBER:
        put_label(pen, LABEL_VALUE);
        put_number(pen, value->number);
        return;
    case KIND_BOOLEAN:
        put_label(pen, LABEL_BOOLEAN);
        pen_octet(pen, value->number > 0 ? 0xf5 : 0xf4);
        return;
    case KIND_TEXT:
        put_label(pen, LABEL_TEXT);
        put_string(pen, 3, value->text);
        return;
    case KIND_ARRAY:
    case KIND_OTHER:
        put_label(pen, LABEL_DATA);
        put_string(pen, 2, value->text);
        return;
    }
}

// A base name is one text of three parts.
static size_t base_name_size(const struct representation *from, bool array) {
    return strlen(from->node) + 1 + strlen(from->name) + (array ? 1 : 0);
}

static void put_base_name(struct pen *pen, const struct representation *from, bool array) {
    pen_text(pen, from->node);
    pen_text(pen, "/");
    pen_text(pen, from->name);
    pen_text(pen, array ? "/" : "");
}

static void put_index(struct pen *pen, uint32_t index) {
    char text[DECIMAL_TEXT_SIZE_MAX];
    size_t size = decimal_put(index, text);
    put_string(pen, 3, (struct bytes){(const uint8_t *)text, size});
}

static void put_cbor_record(struct pen *pen, const struct representation *from, const struct value *value, bool array,
                            uint32_t index) {
    bool first = index == 0;
    bool unit = first && from->unit[0] != '\0';
    bool time = from->age_ms > 0 && value->kind != KIND_NULL;
    put_head(pen, 5, (first ? 1u : 0u) + (unit ? 1u : 0u) + (array ? 1u : 0u) + (time ? 1u : 0u) + (value->kind != KIND_NULL));
    if (first) {
        put_label(pen, LABEL_BASE_NAME);
        put_head(pen, 3, base_name_size(from, array));
        put_base_name(pen, from, array);
    }
    if (unit) {
        put_label(pen, array ? LABEL_BASE_UNIT : LABEL_UNIT);
        put_string(pen, 3, bytes_of_text(from->unit));
    }
    if (array) {
        put_label(pen, LABEL_NAME);
        put_index(pen, index);
    }
    put_cbor_value(pen, value);
    if (time) {
        put_label(pen, LABEL_TIME);
        put_number(pen, -(double)from->age_ms / 1000.0);
    }
}

// --- SenML as JSON
// -------------------------------------------------------------------------------------------------------------

// Size of the well-formed UTF-8 sequence at the front (RFC 3629 §4), or 0.
static size_t utf8_size(struct bytes text) {
    uint8_t lead = text.data[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size == 0 || size > text.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = size > 2 && ((lead == 0xe0 && text.data[1] < 0xa0) || (lead == 0xed && text.data[1] > 0x9f) ||
                            (lead == 0xf0 && text.data[1] < 0x90) || (lead == 0xf4 && text.data[1] > 0x8f));
    return bad ? 0 : size;
}

// A JSON string (RFC 8259 §7); what is no UTF-8 becomes the replacement character.
static void put_json_text(struct pen *pen, struct bytes text) {
    pen_octet(pen, '"');
    while (text.size > 0) {
        size_t size = utf8_size(text);
        uint8_t letter = text.data[0];
        if (size == 0) {
            pen_text(pen, "\\ufffd");
            size = 1;
        } else if (letter < 0x20) {
            pen_text(pen, "\\u00");
            put_hex(pen, (struct bytes){text.data, 1});
        } else {
            pen_text(pen, letter == '"' || letter == '\\' ? "\\" : "");
            pen_bytes(pen, (struct bytes){text.data, size});
        }
        text = (struct bytes){text.data + size, text.size - size};
    }
    pen_octet(pen, '"');
}

// Base 64 for URLs without padding, as SenML's vd has it (RFC 8428 §4.3, RFC 4648 §5).
static void put_base64(struct pen *pen, struct bytes bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                         (left > 2 ? bytes.data[i + 2] : 0u);
        for (uint32_t k = 0; k < (left > 2 ? 4 : left + 1); k++) {
            pen_octet(pen, (unsigned)letters[group >> (18 - 6 * k) & 63]);
        }
    }
}

static void put_json_value(struct pen *pen, const struct value *value) {
    switch (value->kind) {
    case KIND_NULL:
        return;
    case KIND_NUMBER:
        if (isfinite(value->number)) { // JSON has no other numbers
            pen_text(pen, ",\"v\":");
            pen_decimal(pen, value->number);
        }
        return;
    case KIND_BOOLEAN:
        pen_text(pen, value->number > 0 ? ",\"vb\":true" : ",\"vb\":false");
        return;
    case KIND_TEXT:
        pen_text(pen, ",\"vs\":");
        put_json_text(pen, value->text);
        return;
    case KIND_ARRAY:
    case KIND_OTHER:
        pen_text(pen, ",\"vd\":\"");
        put_base64(pen, value->text);
        pen_text(pen, "\"");
        return;
    }
}

static void put_json_record(struct pen *pen, const struct representation *from, const struct value *value, bool array,
                            uint32_t index) {
    pen_text(pen, index == 0 ? "{" : ",{");
    if (index == 0) {
        pen_text(pen, "\"bn\":\"");
        put_base_name(pen, from, array);
        pen_text(pen, "\"");
        if (from->unit[0] != '\0') {
            pen_text(pen, array ? ",\"bu\":" : ",\"u\":");
            put_json_text(pen, bytes_of_text(from->unit));
        }
    }
    if (array) {
        pen_text(pen, index == 0 ? ",\"n\":\"" : "\"n\":\"");
        pen_decimal(pen, index);
        pen_text(pen, "\"");
    }
    put_json_value(pen, value);
    if (from->age_ms > 0 && value->kind != KIND_NULL) {
        pen_text(pen, ",\"t\":");
        pen_decimal(pen, -(double)from->age_ms / 1000.0);
    }
    pen_text(pen, "}");
}

static void put_pack(struct pen *pen, const struct representation *from, const struct value *value, bool json) {
    bool array = value->kind == KIND_ARRAY;
    uint32_t count = array ? value->count : 1;
    struct bytes rest = value->rest;
    if (json) {
        pen_octet(pen, '[');
    } else {
        put_head(pen, 4, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct value element = array ? next_element(&rest) : *value;
        if (json) {
            put_json_record(pen, from, &element, array, i);
        } else {
            put_cbor_record(pen, from, &element, array, i);
        }
    }
    if (json) {
        pen_octet(pen, ']');
    }
}

enum error representation_encode(const struct representation *representation, uint16_t format, struct buffer buffer,
                                 size_t *size) {
    struct pen pen = pen_start(buffer);
    struct value value = read_value(representation->item);
    if (format == COAP_FORMAT_CBOR && value.kind == KIND_NULL) {
        pen_octet(&pen, 0xf6);
    } else if (format == COAP_FORMAT_CBOR) {
        pen_bytes(&pen, representation->item);
    } else if (format == COAP_FORMAT_TEXT) {
        put_text(&pen, &value);
    } else if (format == COAP_FORMAT_SENML_CBOR || format == COAP_FORMAT_SENML_JSON) {
        put_pack(&pen, representation, &value, format == COAP_FORMAT_SENML_JSON);
    } else {
        return ERROR_UNSUPPORTED;
    }
    *size = pen.size;
    return pen.overflow ? ERROR_TOO_LARGE : ERROR_NONE;
}
