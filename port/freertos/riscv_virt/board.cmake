# What FreeRTOS, WAMR and the linker must know of this board.
set(BOARD_KERNEL_PORT RISC-V)
set(BOARD_KERNEL_SOURCES port.c portASM.S)
set(BOARD_KERNEL_INCLUDES RISC-V RISC-V/chip_specific_extensions/RISCV_MTIME_CLINT_no_extensions)
set(BOARD_WAMR_TARGET RISCV32_ILP32)
set(BOARD_UNALIGNED 0) # QEMU does, many processors trap
set(BOARD_LINK_OPTIONS) # picolibc is named in the toolchain, whose headers it brings
set(BOARD_SHARED_SOURCES emulated/flash.c) # in port/freertos; a device has its flash driver in its own folder
