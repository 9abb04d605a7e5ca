# What FreeRTOS, WAMR and the linker must know of this board.
set(BOARD_KERNEL_PORT ARM_CM3)
set(BOARD_KERNEL_SOURCES port.c)
set(BOARD_KERNEL_INCLUDES ARM_CM3)
set(BOARD_WAMR_TARGET THUMBV7M)
set(BOARD_UNALIGNED 1) # the processor reads words at any address
set(BOARD_LINK_OPTIONS --specs=nano.specs)
set(BOARD_SHARED_SOURCES emulated/flash.c) # in port/freertos; a device has its flash driver in its own folder
