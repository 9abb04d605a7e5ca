# Included by WAMR's runtime_lib.cmake in place of one of its own platforms.
add_definitions(-DBH_PLATFORM_FREERTOS)
include_directories(${CMAKE_CURRENT_LIST_DIR} ${SHARED_DIR}/platform/include)
set(PLATFORM_SHARED_SOURCE ${CMAKE_CURRENT_LIST_DIR}/platform.c)
