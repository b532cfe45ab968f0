//! Samba as an Active Directory domain controller: `corp.test`, on the well-known ports of an address of its own.

use std::{net::Ipv4Addr, os::unix::fs::PermissionsExt, process::Command};

use ldap3::LdapConnAsync;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    process::{Process, program, run, wait_until_ready},
    slapd::{Asked, Ldif},
    web::Ca,
};

/// The domain.
pub(crate) const DOMAIN: &str = "dc=corp,dc=test";
/// As whom the gateway asks: a user principal name, which Active Directory takes as well as a distinguished name.
const GATEWAY: &str = "administrator@corp.test";
const PASSWORD: &str = "Adm1n-Passw0rd";

/// A running domain controller.
pub(crate) struct Samba {
    pub(crate) ca: Ca,
    address: Ipv4Addr,
    folder: TempDir,
    _process: Process,
}

impl Samba {
    /// Returns the one that all tests share: making a domain takes a while. Each test has a unit of its own in it.
    pub(crate) async fn shared() -> &'static Self {
        static SAMBA: OnceCell<Samba> = OnceCell::const_new();
        SAMBA.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (ca, address) = (Ca::new(), own_address());
        let mut provision = Command::new(program("samba-tool", &[]));
        provision.args(["domain", "provision", "--realm=CORP.TEST", "--domain=CORP", "--server-role=dc"]);
        provision.args(["--dns-backend=NONE", "--host-name=dc1"]).arg(format!("--adminpass={PASSWORD}"));
        provision.arg(format!("--targetdir={}", path("dc"))).arg(format!("--host-ip={address}"));
        for option in options(address, &path("dc")) {
            provision.arg(option);
        }
        run(&mut provision);
        let (certificate, key) = ca.certificate_for(&address.to_string());
        std::fs::write(path("cert.pem"), certificate).unwrap();
        std::fs::write(path("key.pem"), key).unwrap();
        std::fs::write(path("ca.pem"), ca.pem()).unwrap();
        std::fs::set_permissions(path("key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
        let mut arguments = ["-i", "--no-process-group", "-M", "single"].map(str::to_owned).to_vec();
        arguments.extend(["-s".to_owned(), path("dc/etc/smb.conf")]);
        for option in [
            "server services=ldap".to_owned(),
            "ldap server require strong auth=no".to_owned(),
            format!("log file={}", path("dc/log")),
            format!("tls certfile={}", path("cert.pem")),
            format!("tls keyfile={}", path("key.pem")),
            format!("tls cafile={}", path("ca.pem")),
        ] {
            arguments.push(format!("--option={option}"));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let log = folder.path().join("log");
        let process = Process::start(&program("samba", &["/usr/sbin"]), &arguments, &log, Some(folder.path()));
        let url = format!("ldap://{address}");
        wait_until_ready(&log, async || {
            let (connection, mut ldap) = LdapConnAsync::new(&url).await?;
            tokio::spawn(connection.drive());
            ldap.simple_bind(GATEWAY, PASSWORD).await?.success().map(|_| ())
        })
        .await;
        Self { ca, address, folder, _process: process }
    }

    /// Adds entries below a new unit, and returns the unit's name.
    pub(crate) fn add(&self, unit: &str, entries: impl FnOnce(&str, &mut Ldif)) -> String {
        let unit = format!("ou={unit},{DOMAIN}");
        let mut ldif = Ldif::default();
        ldif.entry(&unit, &[("objectClass", b"organizationalUnit")]);
        entries(&unit, &mut ldif);
        let file = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        std::fs::write(file.path(), ldif.0).unwrap();
        let mut command = Command::new(program("ldapadd", &[]));
        command.args(["-x", "-H", &self.url(), "-D", GATEWAY, "-w", PASSWORD, "-f"]).arg(file.path());
        run(&mut command);
        unit
    }

    /// Returns the address without TLS.
    pub(crate) fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// Returns what a store needs to ask this server for the people of a unit.
    pub(crate) fn asked(&self, unit: &str) -> Asked {
        Asked {
            urls: vec![format!("ldaps://{}", self.address)],
            ca: Some(self.ca.pem()),
            bind: Some((GATEWAY.to_owned(), PASSWORD.to_owned())),
            bases: vec![unit.to_owned()],
            filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName={user}))".to_owned(),
            ..Asked::default()
        }
    }

    /// Returns what Samba's own tool reads in its database of a user's attribute.
    pub(crate) fn shown(&self, user: &str, attribute: &str) -> String {
        let domain = self.folder.path().join("dc");
        let mut command = Command::new(program("samba-tool", &[]));
        command.args(["user", "show", user, &format!("--attributes={attribute}")]);
        command.arg("-s").arg(domain.join("etc/smb.conf")).arg("-H").arg(domain.join("private/sam.ldb"));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{attribute}: ")));
        value.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr))).to_owned()
    }
}

/// Returns a loopback address that belongs to this process: the domain controller's ports are always the same.
fn own_address() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high & 63, middle, low.clamp(1, 254))
}

/// Keeps the server to its address and its folder.
fn options(address: Ipv4Addr, folder: &str) -> [String; 3] {
    [
        format!("--option=interfaces={address}/8"),
        "--option=bind interfaces only=yes".to_owned(),
        format!("--option=posix:eadb={folder}/eadb.tdb"),
    ]
}
