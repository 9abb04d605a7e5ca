// Assertions for what cannot happen; on in release, because a wrong actuator is worse than a restart.
//
// Never for what comes from outside (network, disk, guest, person): that is answered with an `enum error`. The program that
// links core/ provides assert_failed(), which must not return.
#ifndef TENON_CORE_ASSERT_H
#define TENON_CORE_ASSERT_H

_Noreturn void assert_failed(const char *expression, const char *function);

#define ASSERT(expression) ((expression) ? (void)0 : assert_failed(#expression, __func__))

#endif
