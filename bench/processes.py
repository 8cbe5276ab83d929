"""What processes use, and what the kernel saw of UDP."""

import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds since their start and resident octets of some processes."""

    cpu: float
    rss: int


@dataclass(frozen=True)
class Datagrams:
    """Of the whole machine: UDP datagrams read by programs, and those dropped for a full receive buffer or queue."""

    read: int
    dropped: int

    def since(self, before: "Datagrams") -> "Datagrams":
        """What came between two looks."""
        return Datagrams(self.read - before.read, self.dropped - before.dropped)


def usage(pid: int) -> Usage:
    """Of a process and all that descend from it; children that it has waited for are counted in its CPU."""
    cpu, rss = 0.0, 0
    for process in family(pid):
        try:
            times = process.cpu_times()
            cpu += times.user + times.system + times.children_user + times.children_system
            rss += process.memory_info().rss
        except psutil.NoSuchProcess:  # ended between the two looks; its parent has its time
            continue
    return Usage(cpu, rss)


def own(pid: int) -> Usage:
    """Of a process alone."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Usage(times.user + times.system, int(process.memory_info().rss))
    except psutil.NoSuchProcess:
        return Usage(0.0, 0)


def threads(pid: int) -> list[float]:
    """CPU seconds of a process's threads: the first one, then the others, the busiest first."""
    spent = {thread.id: thread.user_time + thread.system_time for thread in psutil.Process(pid).threads()}
    return [spent.pop(pid), *sorted(spent.values(), reverse=True)]


def idle() -> float:
    """CPU seconds that the machine had nothing to do so far, over all its cores."""
    times = psutil.cpu_times()
    return float(times.idle + times.iowait)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it; empty where it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def datagrams() -> Datagrams:
    """The counters now (/proc/net/snmp, /proc/net/softnet_stat)."""
    names, values = (
        line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    udp = dict(zip(names, map(int, values), strict=True))
    queue = sum(int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines())
    return Datagrams(udp["InDatagrams"], udp["RcvbufErrors"] + queue)


def raise_file_limit() -> None:
    """Let this process and what it starts open as many files as the system grants: a call takes up to four."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def kill(pid: int) -> None:
    """End a process and all that descend from it, now. Who started it still has to wait for it."""
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            process.kill()
