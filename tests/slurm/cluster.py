"""A real SLURM on this machine, in a temporary folder, started and stopped in seconds, by root or an ordinary user.

    python -m tests.slurm.cluster [COMMAND ...]    a shell, or one command, beside a cluster

Several slurmd run on one host. Nothing outside the folder is written. All daemons listen on loopback only, which wants
a host name that means loopback: where it does not, they get a name space with another one.
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.slurm.accounting import Accounting
from tests.slurm.waiting import wait_for

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
SlurmdTimeout=6
KillWait=2
CompleteWait=0
ReturnToService=2
MailProg={mail}
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=cpu Nodes=ALL Default=YES DefMemPerCPU=200 MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL DefMemPerCPU=200 MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL DefMemPerCPU=200 MaxTime=INFINITE State=UP PriorityTier=2
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}"
)


def free_ports(count: int) -> list[int]:
    """Return *count* ports of loopback where nothing listens."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def host() -> tuple[str, list[str]]:
    """Return a host name that means loopback and the words before a command that has to see it as its own."""
    try:
        if socket.gethostbyname(socket.gethostname()).startswith("127."):
            return socket.gethostname(), []
    except OSError:
        pass
    user = [] if os.getuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return "localhost", ["unshare", *user, "--uts", "sh", "-c", 'hostname localhost && exec "$@"', "sh"]


class Cluster:
    """A SLURM with *nodes* nodes of *cpus* CPUs, *memory* MB and *gpus* pretended GPUs each.

    *accounting*: "none", "filetxt" (a file of finished jobs) or "slurmdbd" (with MariaDB).
    """

    def __init__(self, nodes: int = 2, cpus: int = 8, memory: int = 64000, gpus: int = 2, accounting: str = "none"):
        self.folder = Path(tempfile.mkdtemp(prefix="ouroboros-slurm-"))  # short: names of sockets are limited
        self.folder.chmod(0o755)
        self.host, self.prefix = host()
        self.nodes = [f"n{number + 1}" for number in range(nodes)]
        self.daemons: dict[str, subprocess.Popen] = {}
        self.ports = free_ports(nodes + 2)
        self.accounting = Accounting(self.folder, accounting, self.host, self.ports.pop())
        self.configure(cpus, memory, gpus)

    def configure(self, cpus: int, memory: int, gpus: int) -> None:
        """Write keys, configuration and links to a character device for GPUs."""
        for name in ("state", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for index in range(gpus):  # links to a device: plain files set no CUDA_VISIBLE_DEVICES
            (self.folder / f"gpu{index}").symlink_to("/dev/null")
        gres = f"AutoDetect=off\nName=gpu File={self.folder}/gpu[0-{gpus - 1}]\n"
        (self.folder / "gres.conf").write_text(gres)
        (self.folder / "plugstack.conf").write_text("")
        own = {"host": self.host, "cpus": cpus, "memory": memory, "gpus": gpus}
        nodes = [
            NODE.format(name=name, port=port, **own) for name, port in zip(self.nodes, self.ports[1:], strict=True)
        ]
        user = {"user": getpass.getuser(), "mail": shutil.which("true")}
        text = CONF.format(folder=self.folder, ports=self.ports, nodes="\n".join(nodes), host=self.host, **user)
        self.conf = self.folder / "slurm.conf"
        self.conf.write_text(text + self.accounting.settings())

    def environment(self) -> dict[str, str]:
        """Return the variables with which programs find this cluster: it is not in /etc."""
        path = os.environ.get("PATH", os.defpath)
        own = {"SLURM_CONF": str(self.conf), "MYSQL_UNIX_PORT": str(self.accounting.socket)}
        return own | {"PATH": f"{path}:/usr/sbin:/sbin"}

    def daemon(self, name: str, *command: str) -> subprocess.Popen:
        """Start the daemon *name* in the foreground, its output in a log."""
        with open(self.folder / f"{name}.log", "a") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": self.folder}
            env = os.environ | self.environment() | {"SLURMD_NODENAME": name}
            self.daemons[name] = subprocess.Popen([*self.prefix, *command], env=env, **options)
        return self.daemons[name]

    def start(self) -> "Cluster":
        """Start all daemons; return once every node is idle in all partitions."""
        try:
            self.start_munge()
            self.accounting.start(self)
            self.start_controller()
            self.accounting.limit(self)
            for node in self.nodes:
                self.start_node(node)
            wait_for("idle nodes", lambda: self.ask("sinfo", "-hNo", "%T").split() == ["idle"] * 3 * len(self.nodes))
        except BaseException:
            self.stop()
            raise
        return self

    def start_munge(self) -> None:
        """Start munged with a key and a socket of its own."""
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{option}={self.folder / name}" for option, name in files.items()]
        self.daemon("munged", "munged", "--foreground", "--num-threads=2", *options)
        wait_for("munged", (self.folder / "munge.socket").exists)

    def start_controller(self) -> None:
        """Start slurmctld; return once it answers."""
        self.daemon("slurmctld", "slurmctld", "-D", "-i", "-f", str(self.conf))
        wait_for("slurmctld", lambda: "UP" in self.ask("scontrol", "ping"))

    def stop_controller(self) -> None:
        """End slurmctld as for maintenance: jobs go on."""
        self.end("slurmctld")

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node."""
        self.daemon(name, "slurmd", "-D", "-N", name, "-f", str(self.conf))

    def crash_node(self, name: str) -> None:
        """Kill the slurmd of a node and all that runs on it, as a power failure does."""
        self.daemons.pop(name).kill()
        self.kill(f"SLURMD_NODENAME={name}\0")

    def ask(self, *command: str) -> str:
        """Return what a command of SLURM prints."""
        run = subprocess.run(
            [*self.prefix, *command], env=os.environ | self.environment(), capture_output=True, text=True
        )
        return run.stdout

    def processes(self, sign: str = "") -> set[int]:
        """Return the processes of this cluster and of jobs on it; with *sign* those that have it in their environment.

        Their children are among them.
        """
        parents, found = {}, set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                text = "".join(
                    (entry / name).read_bytes().decode("utf-8", "replace") for name in ("cmdline", "environ")
                )
            except OSError:  # not a process, or it has ended
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
                found |= {int(entry.name)} if str(self.folder) in text and sign in text else set()
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {os.getpid()}

    def states(self) -> list[str]:
        """Return the states of all jobs that wait or run."""
        return self.ask("squeue", "--noheader", "--format=%T").split()

    def kill(self, sign: str = "") -> None:
        """Kill the processes that `processes` gives; first they are stopped, so that they start no others."""
        stopped = set()
        while more := self.processes(sign) - stopped:
            stopped |= more
            for pid in more:
                send(pid, signal.SIGSTOP)
        for pid in stopped:
            send(pid, signal.SIGKILL)
        wait_for("end of all processes", lambda: not self.processes(sign) & stopped)

    def end(self, name: str) -> None:
        """End one daemon and wait for it."""
        if daemon := self.daemons.pop(name, None):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def stop(self) -> None:
        """End all daemons, jobs and programs beside them, and remove the folder."""
        for name in reversed([*self.daemons]):
            self.end(name)
        self.kill()
        shutil.rmtree(self.folder)

    __enter__ = start

    def __exit__(self, *error) -> None:
        self.stop()


def send(pid: int, number: int) -> None:
    """Send a signal to a process if it still exists."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def main(command: list[str]) -> int:
    """Run *command*, or a shell, beside a cluster; return its exit status."""
    with Cluster() as cluster:
        return subprocess.run(
            [*cluster.prefix, *(command or ["bash"])], env=os.environ | cluster.environment()
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
