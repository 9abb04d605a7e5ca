// Faults from a script (the language is in faults.h). Every line is checked when the script is read.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "orchestrator/document.h"
#include "sim/sim.h"

#define WORD_SIZE 48
#define WORDS_MAX 5

struct line {
    uint64_t time_us;
    uint32_t count;
    char words[WORDS_MAX][WORD_SIZE];
};

enum action {
    ACTION_CRASH,
    ACTION_KILL,
    ACTION_START,
    ACTION_FREEZE,
    ACTION_THAW,
    ACTION_CUT,
    ACTION_ISOLATE,
    ACTION_HEAL,
    ACTION_SLOW,
    ACTION_DRIFT,
    ACTION_STEP,
    ACTION_DISK_FULL,
    ACTION_DISK_OK,
    ACTION_REPLACE,
    ACTION_LEAVE,
    ACTION_JOIN,
    ACTION_LOSS,
    ACTION_DUPLICATE,
    ACTION_REORDER,
    ACTION_DELAY,
    ACTION_COUNT,
};

// Name, whether the second word is a host, and how many words there must be after the action.
static const struct {
    const char *name;
    bool host;
    uint32_t least;
} actions[ACTION_COUNT] = {
    [ACTION_CRASH] = {"crash", true, 1},      [ACTION_KILL] = {"kill", true, 1},
    [ACTION_START] = {"start", true, 1},      [ACTION_FREEZE] = {"freeze", true, 1},
    [ACTION_THAW] = {"thaw", true, 1},        [ACTION_CUT] = {"cut", true, 2},
    [ACTION_ISOLATE] = {"isolate", true, 1},  [ACTION_HEAL] = {"heal", false, 0},
    [ACTION_SLOW] = {"slow", true, 2},        [ACTION_DRIFT] = {"drift", true, 2},
    [ACTION_STEP] = {"step", true, 2},        [ACTION_DISK_FULL] = {"disk-full", true, 1},
    [ACTION_DISK_OK] = {"disk-ok", true, 1},  [ACTION_REPLACE] = {"replace", true, 1},
    [ACTION_LEAVE] = {"leave", true, 1},      [ACTION_JOIN] = {"join", true, 1},
    [ACTION_LOSS] = {"loss", false, 1},       [ACTION_DUPLICATE] = {"duplicate", false, 1},
    [ACTION_REORDER] = {"reorder", false, 1}, [ACTION_DELAY] = {"delay", false, 1},
};

static enum action action_of(const char *word) {
    for (uint32_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(actions[i].name, word) == 0) {
            return (enum action)i;
        }
    }
    return ACTION_COUNT;
}

// Cuts one line into words; false when it is empty.
static bool read_line(const char **at, struct line *line) {
    const char *text = *at;
    size_t size = strcspn(text, "\n");
    *at = text[size] == '\n' ? text + size + 1 : text + size;
    size_t end = strcspn(text, "#");
    size = end < size ? end : size;
    line->count = 0;
    for (size_t i = 0; i < size && line->count < WORDS_MAX;) {
        size_t blank = strspn(text + i, " \t\r");
        size_t length = strcspn(text + i + blank, " \t\r\n#");
        if (i + blank >= size || length == 0) {
            break;
        }
        snprintf(line->words[line->count++], WORD_SIZE, "%.*s", (int)(length < WORD_SIZE ? length : WORD_SIZE - 1),
                 text + i + blank);
        i += blank + length;
    }
    uint64_t ms = 0;
    if (line->count > 0 && document_duration_parse(line->words[0], &ms)) {
        line->time_us = ms * 1000;
    }
    return line->count > 0;
}

static const char *mistake(const struct sim *sim, const struct line *line, uint64_t after_us) {
    uint64_t ms = 0;
    enum action action = line->count > 1 ? action_of(line->words[1]) : ACTION_COUNT;
    if (!document_duration_parse(line->words[0], &ms)) {
        return "the time is no duration: write 10min";
    }
    if (ms * 1000 < after_us) {
        return "the lines are not in order of time";
    }
    if (action == ACTION_COUNT) {
        return "there is no such action; sim/faults.h lists them";
    }
    if (line->count < 2 + actions[action].least) {
        return "something is missing after the action";
    }
    if (actions[action].host && sim_find_host(sim, line->words[2]) == NULL) {
        return "there is no such node";
    }
    if (action == ACTION_CUT && sim_find_host(sim, line->words[3]) == NULL) {
        return "there is no such second node";
    }
    return NULL;
}

enum error faults_script(struct sim *sim, const char *path, char refusal[512]) {
    struct line line = {0};
    uint64_t after_us = 0;
    if (building_read_file(path, &sim->faults.script) != ERROR_NONE) {
        snprintf(refusal, 512, "the script %.200s cannot be read", path);
        return ERROR_NOT_FOUND;
    }
    const char *at = (const char *)sim->faults.script.data;
    for (uint32_t number = 1; *at != '\0'; number++) {
        const char *wrong = read_line(&at, &line) ? mistake(sim, &line, after_us) : NULL;
        if (wrong != NULL) {
            snprintf(refusal, 512, "%.200s:%u: %s", path, number, wrong);
            return ERROR_MALFORMED;
        }
        after_us = line.count > 0 ? line.time_us : after_us;
    }
    sim->faults.next = (const char *)sim->faults.script.data;
    faults_script_step(sim);
    return ERROR_NONE;
}

static uint64_t duration_us(const char *word) {
    uint64_t ms = 0;
    (void)!document_duration_parse(word[0] == '-' ? word + 1 : word, &ms);
    return ms * 1000;
}

static void crash(struct host *host, const struct line *line) {
    if (line->count >= 5 && strcmp(line->words[3], "after") == 0) {
        host->countdown = strtoull(line->words[4], NULL, 10);
    } else {
        host_crash(host, "as the script says");
    }
}

static void do_network(struct sim *sim, enum action action, const struct line *line, struct host *host) {
    struct network_rates *rates = &sim->network.rates;
    uint32_t ppm = (uint32_t)strtoul(line->words[2], NULL, 10);
    switch ((int)action) {
    case ACTION_CUT:
        network_cut(sim, host->index, sim_find_host(sim, line->words[3])->index, true);
        break;
    case ACTION_ISOLATE:
        for (uint32_t i = 0; i < sim->host_count; i++) {
            network_cut(sim, host->index, i, i != host->index);
            network_cut(sim, i, host->index, i != host->index);
        }
        break;
    case ACTION_HEAL:
        network_heal(sim);
        break;
    case ACTION_LOSS:
        rates->loss_ppm = ppm;
        break;
    case ACTION_DUPLICATE:
        rates->duplicate_ppm = ppm;
        break;
    case ACTION_REORDER:
        rates->reorder_ppm = ppm;
        rates->reorder_us = 500000;
        break;
    case ACTION_DELAY:
        rates->delay_us = (uint32_t)duration_us(line->words[2]);
        break;
    default:
        break;
    }
}

static void do_host(enum action action, const struct line *line, struct host *host) {
    struct sim *sim = host->sim;
    switch ((int)action) {
    case ACTION_CRASH:
        crash(host, line);
        break;
    case ACTION_KILL:
    case ACTION_LEAVE:
        host_crash(host, "and stays down");
        host->life++;
        break;
    case ACTION_START:
    case ACTION_JOIN:
        host_start(host);
        break;
    case ACTION_FREEZE:
        host->state = host->state == HOST_UP ? HOST_FROZEN : host->state;
        break;
    case ACTION_THAW:
        faults_thaw(host);
        break;
    case ACTION_SLOW:
        host->slow_us = (uint32_t)duration_us(line->words[3]);
        break;
    case ACTION_DRIFT:
        host_set_drift(host, (int32_t)strtol(line->words[3], NULL, 10));
        break;
    case ACTION_STEP:
        faults_step(host, (line->words[3][0] == '-' ? -1 : 1) * (int64_t)(duration_us(line->words[3]) / 1000));
        break;
    case ACTION_DISK_FULL:
    case ACTION_DISK_OK:
        host->storage.full = action == ACTION_DISK_FULL;
        break;
    case ACTION_REPLACE:
        faults_replace(sim, host);
        break;
    default:
        do_network(sim, action, line, host);
        break;
    }
}

void faults_script_step(struct sim *sim) {
    struct line line = {0};
    while (*sim->faults.next != '\0') {
        const char *here = sim->faults.next;
        if (!read_line(&sim->faults.next, &line)) {
            continue;
        }
        if (line.time_us > sim->now_us) {
            sim->faults.next = here;
            scheduler_plan(&sim->scheduler, (struct occasion){.time_us = line.time_us, .kind = OCCASION_SCRIPT});
            return;
        }
        enum action action = action_of(line.words[1]);
        struct host *host = actions[action].host ? sim_find_host(sim, line.words[2]) : NULL;
        TRACE(sim, TRACE_FAULT, host, (uint64_t)action, "script: %s", line.words[1]);
        if (host != NULL) {
            do_host(action, &line, host);
        } else {
            do_network(sim, action, &line, NULL);
        }
    }
}
