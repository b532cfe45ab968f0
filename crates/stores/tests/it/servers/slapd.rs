//! `OpenLDAP`'s slapd, with a directory of its own: `dc=example,dc=com`, people and groups as a test writes them.

use std::{fmt::Write as _, os::unix::fs::PermissionsExt, process::Command, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use ldap3::LdapConnAsync;
use stores::{
    AttributeMap, GroupSearch, LdapBind, LdapConnection, LdapSettings, LdapStore, LdapUrl, MappedAttribute, UserFilter,
    UserMatch, tls_client,
};
use tempfile::TempDir;

use super::{
    process::{Process, free_port, program, run, wait_until_ready},
    web::Ca,
};

/// As whom the gateway asks.
pub(crate) const GATEWAY: &str = "cn=gateway,dc=example,dc=com";
/// Its password.
pub(crate) const PASSWORD: &str = "p@ss word";
/// Who may change the directory.
const ADMIN: &str = "cn=admin,dc=example,dc=com";

/// Where people are.
pub(crate) const PEOPLE: &str = "ou=people,dc=example,dc=com";
/// Where groups are.
pub(crate) const GROUPS: &str = "ou=groups,dc=example,dc=com";

/// A running slapd. Dropping it kills it.
pub(crate) struct Slapd {
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) ca: Ca,
    folder: TempDir,
    process: Option<Process>,
}

impl Slapd {
    /// Starts a server with the entries of `ldif` below the two units.
    pub(crate) async fn start(ldif: &Ldif) -> Self {
        Self::start_with(ldif, Ca::new()).await
    }

    /// Starts a server whose certificate is from this authority.
    pub(crate) async fn start_with(ldif: &Ldif, ca: Ca) -> Self {
        let folder = TempDir::new().unwrap();
        let (certificate, key) = ca.certificate();
        let mut server = Self { port: free_port(), tls_port: free_port(), ca, folder, process: None };
        server.write("ca.pem", &server.ca.pem());
        server.write("cert.pem", certificate.as_bytes());
        server.write("key.pem", key.as_bytes());
        std::fs::create_dir(server.folder.path().join("data")).unwrap();
        server.write("slapd.conf", server.configuration().as_bytes());
        server.start_again().await;
        server.add(&Ldif::units());
        server.add(ldif);
        server
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again where it was.
    pub(crate) async fn start_again(&mut self) {
        let folder = self.folder.path();
        let (configuration, log) = (folder.join("slapd.conf").display().to_string(), folder.join("log"));
        let addresses = format!("{} {}", self.url(), self.ldaps_url());
        let arguments = ["-f", &configuration, "-h", &addresses, "-d", "none"];
        self.process = Some(Process::start(&program("slapd", &["/usr/sbin"]), &arguments, &log, None));
        let url = self.url();
        wait_until_ready(&log, async || LdapConnAsync::new(&url).await.map(|_| ())).await;
    }

    /// Adds entries, as the administrator.
    pub(crate) fn add(&self, ldif: &Ldif) {
        self.change("ldapadd", &ldif.0);
    }

    /// Changes entries: LDIF with `changetype`.
    pub(crate) fn modify(&self, ldif: &str) {
        self.change("ldapmodify", ldif);
    }

    fn change(&self, tool: &str, ldif: &str) {
        if ldif.is_empty() {
            return;
        }
        self.write("change.ldif", ldif.as_bytes());
        let file = self.folder.path().join("change.ldif");
        let mut command = Command::new(program(tool, &[]));
        command.args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", PASSWORD, "-f"]).arg(file);
        run(&mut command);
    }

    /// Returns the address without TLS.
    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Returns the address with TLS.
    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// Returns what a store needs to ask this server over LDAPS.
    pub(crate) fn asked(&self) -> Asked {
        Asked { urls: vec![self.ldaps_url()], ca: Some(self.ca.pem()), ..Asked::default() }
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn configuration(&self) -> String {
        let folder = self.folder.path().display();
        let schemas = ["core", "cosine", "nis", "inetorgperson"];
        let schemas = schemas.map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n")).concat();
        format!(
            "{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
maxsize 67108864
dbnosync
suffix dc=example,dc=com
rootdn {ADMIN}
rootpw \"{PASSWORD}\"
directory {folder}/data
index objectClass,uid,member eq
limits dn.exact={GATEWAY} size=100 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to attrs=employeeType by * search
access to * by dn.exact={GATEWAY} read by anonymous auth by * none
overlay memberof
memberof-dangling ignore
overlay ppolicy
"
        )
    }
}

/// Entries in LDIF (RFC 2849).
#[derive(Clone, Debug, Default)]
pub(crate) struct Ldif(pub(crate) String);

impl Ldif {
    /// Adds an entry; every value goes in base64, as it may be anything.
    pub(crate) fn entry(&mut self, dn: &str, attributes: &[(&str, &[u8])]) {
        self.line("dn", dn.as_bytes());
        for (name, value) in attributes {
            self.line(name, value);
        }
        self.0.push('\n');
    }

    /// Adds a person; `attributes` may hold anything of `inetOrgPerson`.
    pub(crate) fn person(&mut self, dn: &str, uid: &str, attributes: &[(&str, &str)]) {
        let mut all: Vec<(&str, &[u8])> =
            vec![("objectClass", b"inetOrgPerson"), ("cn", b"x"), ("sn", b"x"), ("uid", uid.as_bytes())];
        all.extend(attributes.iter().map(|(name, value)| (*name, value.as_bytes())));
        self.entry(dn, &all);
    }

    /// Adds a group.
    pub(crate) fn group(&mut self, dn: &str, members: &[&str]) {
        let name = dn.split_once('=').unwrap().1.split_once(",ou=").unwrap().0.replace('\\', "");
        let mut all: Vec<(&str, &[u8])> = vec![("objectClass", b"groupOfNames"), ("cn", name.as_bytes())];
        all.extend(members.iter().map(|member| ("member", member.as_bytes())));
        self.entry(dn, &all);
    }

    fn line(&mut self, name: &str, value: &[u8]) {
        writeln!(self.0, "{name}:: {}", STANDARD.encode(value)).unwrap();
    }

    /// The top of the tree, and the gateway's own entry.
    fn units() -> Self {
        let mut ldif = Self::default();
        ldif.entry("dc=example,dc=com", &[("objectClass", b"dcObject"), ("objectClass", b"organization"), ("o", b"x")]);
        ldif.entry(PEOPLE, &[("objectClass", b"organizationalUnit")]);
        ldif.entry(GROUPS, &[("objectClass", b"organizationalUnit")]);
        let role: [(&str, &[u8]); 3] = [
            ("objectClass", b"organizationalRole"),
            ("objectClass", b"simpleSecurityObject"),
            ("userPassword", PASSWORD.as_bytes()),
        ];
        ldif.entry(GATEWAY, &role);
        ldif
    }
}

/// What a store asks, and of whom.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) urls: Vec<String>,
    pub(crate) start_tls: bool,
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) bind: Option<(String, String)>,
    pub(crate) bases: Vec<String>,
    pub(crate) filter: String,
    pub(crate) user_match: UserMatch,
    pub(crate) groups: Option<GroupSearch>,
    pub(crate) attributes: Vec<MappedAttribute>,
    pub(crate) pool: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            start_tls: false,
            ca: None,
            bind: Some((GATEWAY.to_owned(), PASSWORD.to_owned())),
            bases: vec![PEOPLE.to_owned()],
            filter: "(&(objectClass=person)(uid={user}))".to_owned(),
            user_match: UserMatch::Exact,
            groups: None,
            attributes: vec![MappedAttribute::new("uid", "name")],
            pool: 4,
            // Long enough for a machine that does other things too.
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Asked {
    /// Reads these attributes instead: the store's own name, and the canonical one.
    pub(crate) fn giving(self, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes.iter().map(|(raw, name)| MappedAttribute::new(*raw, *name)).collect();
        Self { attributes, ..self }
    }

    /// Makes the store.
    pub(crate) fn store(self) -> Arc<LdapStore> {
        let bind = self.bind.map(|(dn, password)| LdapBind { dn: dn.into(), password: password.into() });
        let connection = LdapConnection {
            servers: self.urls.iter().map(|url| LdapUrl::parse(url).unwrap()).collect(),
            start_tls: self.start_tls,
            tls: Arc::new(tls_client(self.ca.as_deref()).unwrap()),
            bind,
            pool: self.pool,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
        };
        let settings = LdapSettings {
            connection,
            bases: self.bases.into_iter().map(Box::from).collect(),
            filter: UserFilter::parse(&self.filter, self.user_match).unwrap(),
            groups: self.groups,
            attributes: AttributeMap::new(self.attributes).unwrap(),
        };
        Arc::new(LdapStore::new("staff".into(), settings))
    }
}
