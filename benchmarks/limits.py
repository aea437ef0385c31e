"""Leave to open as many files as there are connections."""

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None

ENOUGH = 8192


def raise_open_files():
    """Raise this process's own limit of open files, as far as it may."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
