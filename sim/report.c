#include "sim/report.h"

#include <stdlib.h>

typedef unsigned long long printed;

static int remembered_count;
static char **remembered;
static uint64_t remembered_seed;

void report_remember(int argument_count, char **arguments, uint64_t seed) {
    remembered_count = argument_count;
    remembered = arguments;
    remembered_seed = seed;
}

void report_replay(FILE *file) {
    fprintf(file, "replay: tenon sim");
    for (int i = 1; i < remembered_count; i++) {
        if (strcmp(remembered[i], "--seed") == 0 || strcmp(remembered[i], "--json") == 0) {
            i++;
        } else if (strcmp(remembered[i], "--trace") != 0) {
            fprintf(file, " %s", remembered[i]);
        }
    }
    fprintf(file, " --seed %llu --trace\n", (printed)remembered_seed);
}

// Messages that reached a component or an actuator.
static uint64_t delivered(const struct sim *sim) {
    return sim->totals.received + sim->checkers.commands_obeyed;
}

// What the flash of the microcontrollers went through: the most worn block of each kind, on any of them.
static void print_flash(const struct sim *sim) {
    uint64_t programs = 0;
    uint64_t erases = 0;
    uint32_t boards = 0;
    uint32_t files = 0;
    uint32_t journal = 0;
    uint32_t told = 0;
    for (uint32_t i = 0; i < sim->host_count; i++) {
        const struct sim_flash *flash = sim->hosts[i]->flash;
        for (uint32_t block = 0; flash != NULL && block < FLASH_BLOCK_COUNT; block++) {
            uint32_t *most = block < FLASH_JOURNAL_FIRST ? &files : &journal;
            *most = flash->worn[block] > *most ? flash->worn[block] : *most;
        }
        programs += flash == NULL ? 0 : flash->torn_programs;
        erases += flash == NULL ? 0 : flash->torn_erases;
        boards += flash != NULL;
        struct port_wear wear = {0};
        if (flash != NULL) {
            flash_wear(&flash->files, &flash->journal, &wear);
        }
        told = wear.erases_max > told ? wear.erases_max : told;
    }
    if (boards > 0) {
        printf(
            "  flash of %u boards: %llu torn programs, %llu torn erases; a block was erased at most %u times (files), %u times "
            "(journal); the boards tell %u\n",
            boards, (printed)programs, (printed)erases, files, journal, told);
    }
}

void report_print(const struct sim *sim, double seconds, double cpu_seconds) {
    const struct sim_totals *totals = &sim->totals;
    double hours = (double)sim->now_us / (double)HOUR_US;
    printf("seed %llu: %s, faults %s, %.2f simulated hours in %.2f s (%.0f times real time), hash %016llx\n",
           (printed)sim->options.seed, sim->building.policy != NULL ? sim->building.policy->name : "", sim->faults.name, hours,
           seconds, hours * 3600 / seconds, (printed)sim->trace.hash);
    printf("  %llu messages delivered (%.0f in a second of one core), %llu sent, %llu datagrams (%llu lost, %llu doubled), "
           "%llu turns\n",
           (printed)delivered(sim), (double)delivered(sim) / cpu_seconds, (printed)totals->emitted, (printed)sim->network.sent,
           (printed)sim->network.lost, (printed)sim->network.doubled, (printed)totals->turns);
    printf("  %llu starts, %llu ends; %llu effects that durability none lost or repeated; %llu of %llu outcomes told; latest "
           "command %.3f s\n",
           (printed)totals->starts, (printed)totals->crashes, (printed)sim->checkers.forgiven, (printed)sim->checkers.told,
           (printed)sim->checkers.asked, (double)sim->checkers.worst_late_us / 1e6);
    printf("  faults:");
    for (uint32_t i = 0; i < FAULT_KIND_COUNT; i++) {
        if (sim->faults.done[i] > 0) {
            printf(" %s %llu", fault_kind_text((enum fault_kind)i), (printed)sim->faults.done[i]);
        }
    }
    printf("\n");
    print_flash(sim);
    const struct comfort *comfort = &sim->comfort;
    if (comfort->zone_hours > 0) {
        printf("  comfort: %.3f %% of %.0f occupied zone hours, %.1f K h outside; electricity %.1f kWh, gas %.1f kWh\n",
               100 * comfort->zone_hours_good / comfort->zone_hours, comfort->zone_hours, comfort->kelvin_hours,
               comfort->electricity_kwh, comfort->gas_kwh);
    }
    if (sim->failed) {
        printf("BROKEN %s\n", sim->failure);
    }
}

// Node devices that are still the first.
static uint32_t never_replaced(const struct sim *sim) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->host_count; i++) {
        count += sim->hosts[i]->kind == HOST_NODE && sim->hosts[i]->replaced == 0;
    }
    return count;
}

bool report_json(const struct sim *sim, double seconds, double cpu_seconds, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(
        file,
        "{\"seed\":%llu,\"faults\":\"%s\",\"simulated_hours\":%.6f,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"hash\":\"%016llx\",",
        (printed)sim->options.seed, sim->faults.name, (double)sim->now_us / (double)HOUR_US, seconds, cpu_seconds,
        (printed)sim->trace.hash);
    fprintf(file, "\"delivered\":%llu,\"sent\":%llu,\"datagrams\":%llu,\"lost\":%llu,\"turns\":%llu,\"crashes\":%llu,",
            (printed)delivered(sim), (printed)sim->totals.emitted, (printed)sim->network.sent, (printed)sim->network.lost,
            (printed)sim->totals.turns, (printed)sim->totals.crashes);
    fprintf(file,
            "\"zone_hours\":%.3f,\"zone_hours_good\":%.3f,\"kelvin_hours\":%.3f,\"electricity_kwh\":%.3f,\"gas_kwh\":%.3f,",
            sim->comfort.zone_hours, sim->comfort.zone_hours_good, sim->comfort.kelvin_hours, sim->comfort.electricity_kwh,
            sim->comfort.gas_kwh);
    fprintf(file, "\"replaced\":%llu,\"never_replaced\":%u,", (printed)sim->faults.done[FAULT_REPLACE], never_replaced(sim));
    fprintf(file, "\"forgiven\":%llu,\"failed\":%s,\"failure\":\"", (printed)sim->checkers.forgiven,
            sim->failed ? "true" : "false");
    for (const char *at = sim->failure; *at != '\0'; at++) {
        fputc(*at == '"' || *at == '\\' || *at < ' ' ? '\'' : *at, file);
    }
    fprintf(file, "\"}\n");
    return fclose(file) == 0;
}

bool report_series(const struct sim *sim, const char *path) {
    FILE *file = fopen(path, "a");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "%llu,%.3f,%.3f,%.3f,%.3f,%llu,%llu,%llu\n", (printed)(sim->begin_unix_ms / 1000 + sim->now_us / 1000000),
            sim->comfort.zone_hours, sim->comfort.zone_hours_good, sim->comfort.kelvin_hours, sim->comfort.electricity_kwh,
            (printed)sim->totals.crashes, (printed)sim->faults.done[FAULT_REPLACE], (printed)delivered(sim));
    return fclose(file) == 0;
}
