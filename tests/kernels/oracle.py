"""What the tests of all kernels compare with."""

from vicinal.kernels import reference


def prepare(latents, n_bins):
    """Return bounds, widths, codes, cells and counts by the reference."""
    lower, upper = reference.bounds(latents)
    width = (upper - lower) / latents.dtype.type(n_bins)
    codes = reference.quantize(latents, lower, width, n_bins)
    return lower, upper, width, codes, *reference.unique_cells(codes, n_bins)


def same_bits(a, b):
    """Tell whether two arrays agree in type, shape and every bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
