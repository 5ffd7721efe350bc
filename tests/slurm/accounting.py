"""How the test cluster keeps account of its jobs: not at all, in a file, or by slurmdbd with MariaDB."""

import getpass
import subprocess
from pathlib import Path

from tests.slurm.waiting import wait_for

DBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
CommunicationParameters=NoInAddrAny
SlurmUser={user}
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=slurm
"""
ENFORCED = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=limits,qos
"""
INSTALL = "mariadb-install-db --no-defaults --skip-test-db --auth-root-authentication-method=socket".split()
LIMITED = (
    "add qos limited MaxSubmitJobsPerUser=2",
    "add account main",
    "add user {user} account=main qos=normal,limited defaultaccount=main",
)


class Accounting:
    """Accounting of *kind* "none", "filetxt" or "slurmdbd" for the cluster in *folder*."""

    def __init__(self, folder: Path, kind: str, host: str, port: int):
        self.folder, self.kind, self.host, self.port = folder, kind, host, port
        self.socket = folder / "database/mariadb.socket"

    def settings(self) -> str:
        """Return the lines for slurm.conf."""
        if self.kind == "filetxt":
            return f"JobCompType=jobcomp/filetxt\nJobCompLoc={self.folder}/finished.txt\n"
        return ENFORCED.format(port=self.port, folder=self.folder) if self.kind == "slurmdbd" else ""

    def start(self, cluster) -> None:
        """Start MariaDB and slurmdbd, where those keep account."""
        if self.kind != "slurmdbd":
            return
        self.socket.parent.mkdir(mode=0o700)
        places = [f"--datadir={self.socket.parent}", f"--user={getpass.getuser()}"]
        subprocess.run([*INSTALL, *places], check=True, capture_output=True)
        own = {"folder": self.folder, "host": self.host, "port": self.port, "user": getpass.getuser()}
        conf = self.folder / "slurmdbd.conf"
        conf.write_text(DBD.format(**own))
        conf.chmod(0o600)
        options = [f"--socket={self.socket}", "--skip-networking", "--skip-grant-tables"]
        cluster.daemon("mariadbd", "mariadbd", "--no-defaults", *places, *options)
        wait_for("mariadbd", self.socket.exists)
        cluster.daemon("slurmdbd", "slurmdbd", "-D")
        wait_for("slurmdbd", lambda: "normal" in cluster.ask("sacctmgr", "-nP", "list", "qos", "format=name"))

    def limit(self, cluster) -> None:
        """Make an account for the user of the cluster, and the QOS "limited" with two jobs at once."""
        if self.kind == "slurmdbd":
            for command in LIMITED:
                cluster.ask("sacctmgr", "-i", *command.format(user=getpass.getuser()).split())
