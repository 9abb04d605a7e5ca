// The two components of `./dev bench mcu`, compiled for the board: the same sources as the modules that the other image loads.
#include "abi/tenon.h"
#include "components/native_components.h"

int32_t leak_guard_tenon_receive(uint32_t input, uint32_t length);
int32_t thermostat_tenon_receive(uint32_t input, uint32_t length);
extern const struct tenon_region leak_guard_tenon_inbox, leak_guard_tenon_state;
extern const struct tenon_region thermostat_tenon_inbox, thermostat_tenon_state;

const struct native_component native_components[] = {
    {"leak-guard", leak_guard_tenon_receive, &leak_guard_tenon_inbox, &leak_guard_tenon_state},
    {"thermostat", thermostat_tenon_receive, &thermostat_tenon_inbox, &thermostat_tenon_state},
};
const size_t native_component_count = sizeof native_components / sizeof native_components[0];
