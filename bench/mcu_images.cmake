# The images of `./dev bench mcu`: the firmware with a clock in it (mcu_image.c), once with each engine. Included by
# firmware/CMakeLists.txt; not built by default, for the headers of the components' ports come from the build for Linux.
set(bench ${CMAKE_CURRENT_LIST_DIR})
set(components ${TENON_ROOT}/build/release/components)
get_target_property(link_options tenon-mcu.elf LINK_OPTIONS)
list(FILTER link_options EXCLUDE REGEX "-Map=")

function(bench_image name)
  add_executable(${name} EXCLUDE_FROM_ALL ${firmware} ${bench}/mcu_image.c ${ARGN})
  target_compile_options(${name} PRIVATE ${TENON_WARNINGS} -Wno-pedantic -include ${CMAKE_CURRENT_SOURCE_DIR}/limits.h)
  target_link_libraries(${name} PRIVATE tenon_node tenon_drivers tenon_engine tenon_port tenon_core wamr freertos lwip m)
  target_link_options(${name} PRIVATE ${link_options} -Wl,--wrap=netif_input -Wl,--wrap=netif_add -Wl,--wrap=runtime_datagram
    -Wl,--wrap=port_udp_send -Wl,--wrap=wamr_engine_create -Wl,--wrap=_sbrk
    -Wl,--defsym=link_roomy=1)
endfunction()

bench_image(bench-wasm.elf)
bench_image(bench-native.elf ${bench}/mcu_native.c ${TENON_ROOT}/engine/native.c)
target_compile_definitions(bench-native.elf PRIVATE BENCH_NATIVE)
# As fast as the compiler makes it: the baseline is nothing that we have slowed down.
foreach(name leak-guard thermostat)
  string(REPLACE "-" "_" prefix ${name})
  add_library(bench_${prefix} OBJECT EXCLUDE_FROM_ALL ${TENON_ROOT}/components/${name}/${prefix}.c)
  target_include_directories(bench_${prefix} PRIVATE ${TENON_ROOT} ${TENON_ROOT}/abi ${components}/${name})
  target_compile_options(bench_${prefix} PRIVATE -O2 -ffp-contract=off)
  foreach(symbol receive state inbox upgrade)
    target_compile_definitions(bench_${prefix} PRIVATE tenon_${symbol}=${prefix}_tenon_${symbol})
  endforeach()
  target_link_libraries(bench-native.elf PRIVATE bench_${prefix})
endforeach()
