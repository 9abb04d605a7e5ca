#include "core/error.h"

#include <stddef.h>

struct error_words {
    const char *name;
    const char *text;
};

static const struct error_words words[ERROR_COUNT] = {
    [ERROR_NONE] = {"none", "no error"},
    [ERROR_TRUNCATED] = {"truncated", "the input ends before the item that it announces"},
    [ERROR_MALFORMED] = {"malformed", "the input breaks the rules of its format"},
    [ERROR_UNSUPPORTED] = {"unsupported", "the input asks for what this version does not know"},
    [ERROR_TOO_LARGE] = {"too-large", "a size exceeds its limit"},
    [ERROR_FULL] = {"full", "a bounded table or queue has no free place"},
    [ERROR_NOT_FOUND] = {"not-found", "there is no such name, number or digest"},
    [ERROR_EXISTS] = {"exists", "the name or number is taken"},
    [ERROR_DENIED] = {"denied", "the request was refused"},
    [ERROR_EXPIRED] = {"expired", "the command outlived its expiry"},
    [ERROR_DUPLICATE] = {"duplicate", "the message has taken effect before"},
    [ERROR_TIMEOUT] = {"timeout", "the peer did not answer in time"},
    [ERROR_RESET] = {"reset", "the peer refused the message"},
    [ERROR_MISMATCH] = {"mismatch", "two declarations that must agree do not"},
    [ERROR_TRAP] = {"trap", "the component did something that WebAssembly forbids"},
    [ERROR_BUDGET] = {"budget", "the component used up its instructions for one message"},
    [ERROR_FLOOD] = {"flood", "the component sent more than its manifest allows"},
    [ERROR_BAD_POINTER] = {"bad-pointer", "the component passed an address outside its memory"},
    [ERROR_BAD_PORT] = {"bad-port", "the component named a port that it does not have"},
    [ERROR_REFUSED_MESSAGE] = {"refused-message", "the component refused the message"},
    [ERROR_MEMORY] = {"memory", "there is no memory for the component"},
    [ERROR_STORAGE] = {"storage", "reading or writing the disk failed"},
    [ERROR_NETWORK] = {"network", "the socket layer failed"},
    [ERROR_BUSY] = {"busy", "try again later"},
};

const char *error_text(enum error error) {
    if ((unsigned)error >= ERROR_COUNT || words[error].text == NULL) {
        return "an unknown error";
    }
    return words[error].text;
}

const char *error_name(enum error error) {
    if ((unsigned)error >= ERROR_COUNT || words[error].name == NULL) {
        return "unknown";
    }
    return words[error].name;
}
