# Toolchain: Debian's gcc for bare RISC-V processors with picolibc, for a 32-bit one without floating point. By version 2.2 of
# the architecture, which has the control registers without being asked: by a later one they must be named (zicsr), and then
# gcc 12 does not find its libraries for 32 bits.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(machine "-misa-spec=2.2 -march=rv32imac -mabi=ilp32")
set(CMAKE_C_FLAGS_INIT "--specs=picolibc.specs ${machine} -msave-restore -ffunction-sections -fdata-sections -fno-common -ffp-contract=off")
set(CMAKE_ASM_FLAGS_INIT "${machine}")
