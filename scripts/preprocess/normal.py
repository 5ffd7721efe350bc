"""The quantile function of the normal distribution: algorithm AS 241 (Wichura, Applied Statistics 37, 1988), PPND16."""

from typing import Any

from scripts.preprocess.formula import clip, log, polynomial, sqrt, where

EDGE = 1e-7 - 2.0**-52  # places closer to 0 and 1 are moved here, as QuantileTransformer does
A = (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3)  # fmt: skip
B = (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)  # fmt: skip
C = (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
     7.74545014278341407640e-4)  # fmt: skip
D = (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)  # fmt: skip


def normal_quantile(place: Any) -> Any:
    """Return the normal quantiles of places from 0 to 1, an array or a Formula; the ends are those of EDGE.

    Within EDGE the third branch of the algorithm, for places below 1e-11, is never needed.
    """
    p = clip(place, EDGE, 1 - EDGE)
    q = p - 0.5
    near = q * q
    r = clip(near * -1.0 + 0.180625, 0.0, 1.0)
    middle = q * polynomial(r, A) / polynomial(r, B)
    tail = sqrt(log(where(q < 0.0, p, p * -1.0 + 1.0)) * -1.0) - 1.6
    outer = polynomial(tail, C) / polynomial(tail, D)
    return where(near <= 0.180625, middle, where(q < 0.0, outer * -1.0, outer))
