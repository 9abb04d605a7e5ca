// The part of <math.h> that core/ uses, for the freestanding check of tests/tidy.py.
#ifndef FREESTANDING_MATH_H
#define FREESTANDING_MATH_H
#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#define isnan(x) __builtin_isnan(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
double fabs(double);
double ldexp(double, int);
double trunc(double);
#endif
