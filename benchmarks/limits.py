"""Raises the limit of open files, because each connection is one."""

try:
    import resource
except ImportError:  # Windows does not have this limit
    resource = None

ENOUGH = 8192


def raise_open_files():
    """Raise this process's limit of open files as far as the system allows."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
