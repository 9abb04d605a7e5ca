# What FreeRTOS, WAMR and the linker must know of this board.
set(BOARD_KERNEL_PORT ARM_CM3)
set(BOARD_KERNEL_SOURCES port.c)
set(BOARD_KERNEL_INCLUDES ARM_CM3)
set(BOARD_WAMR_TARGET THUMBV7M)
set(BOARD_LINK_OPTIONS --specs=nano.specs)
