//! The sockets in the state folder, and who is at their other end.

use std::ffi::CString;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::{UnixListener, UnixStream};

use crate::service::ServiceError;

/// The socket's name in the state folder.
pub const SOCKET: &str = "anteroom.sock";

/// The name of the socket that gives figures.
pub const METRICS: &str = "metrics.sock";

/// A socket that is listened on. One that we made is removed in the end.
#[derive(Debug)]
pub struct Listening {
    /// Where clients come in.
    pub listener: UnixListener,
    made: Option<PathBuf>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Listens where systemd listened for us, otherwise in the state folder.
///
/// # Errors
/// As [`bind`], or when what systemd handed over is no Unix socket.
pub async fn listen(dir: &Path, group: Option<&str>) -> Result<Listening, ServiceError> {
    let handed = listenfd::ListenFd::from_env().take_unix_listener(0).and_then(|listener| {
        listener
            .map(|listener| {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener)
            })
            .transpose()
    });
    match handed {
        Ok(Some(listener)) => Ok(Listening { listener, made: None }),
        Ok(None) => bind(dir, SOCKET, group).await,
        Err(what) => Err(ServiceError::Settings(format!(
            "what was handed over to listen on is no Unix stream socket ({what}): see anteroom serve --units"
        ))),
    }
}

/// Makes the socket `name` in the folder. One that a daemon left when it died is removed. The owner may connect,
/// and where a group is named its members; which of them may do what the settings say.
///
/// # Errors
/// When a daemon answers there already, something else has that name, or the socket cannot be made.
pub async fn bind(dir: &Path, name: &str, group: Option<&str>) -> Result<Listening, ServiceError> {
    let path = dir.join(name);
    let failed = |what: &dyn std::fmt::Display| {
        ServiceError::Settings(format!("the socket {} cannot be made: {what}", path.display()))
    };
    match std::fs::symlink_metadata(&path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(failed(&"something else has that name, so move it away"));
        }
        Ok(_) => match UnixStream::connect(&path).await {
            Ok(_) => {
                return Err(ServiceError::Settings(format!(
                    "a daemon already serves {}: stop it first, or use it",
                    dir.display()
                )));
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(&path).map_err(|what| failed(&what))?;
            }
            Err(error) => return Err(failed(&error)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&error)),
    }
    // Nobody finds it before its rights are as they should be.
    let new = dir.join(format!("{name}.new"));
    let made = || -> io::Result<UnixListener> {
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        std::fs::set_permissions(&new, Permissions::from_mode(if group.is_some() { 0o660 } else { 0o600 }))?;
        Ok(listener)
    };
    let listener = made().map_err(|what| failed(&what))?;
    if let Some(group) = group {
        let gid = gid_of(group)?;
        let given = |path: &Path| {
            chown(path, None, Some(gid.as_raw()))
                .map_err(|what| failed(&format!("its group cannot be set to {group}, {what}")))
        };
        given(&new)?;
        // The group comes through the folder to the socket, and sees nothing else of it.
        given(dir)?;
        std::fs::set_permissions(dir, Permissions::from_mode(0o710)).map_err(|what| failed(&what))?;
    }
    std::fs::rename(&new, &path).map_err(|what| failed(&what))?;
    Ok(Listening { listener, made: Some(path) })
}

fn gid_of(group: &str) -> Result<Gid, ServiceError> {
    match Group::from_name(group) {
        Ok(Some(found)) => Ok(found.gid),
        _ => Err(ServiceError::Settings(format!(
            "practice.toml, [daemon] group: this machine has no group {group}: make it, or name another"
        ))),
    }
}

/// Somebody as the machine knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their login.
    pub login: String,
    /// The groups they belong to, by name.
    pub groups: Vec<String>,
}

/// Who the kernel says is at the other end. Asks the machine's list of users, which may be a network away.
///
/// # Errors
/// When the kernel does not say, or the user has no name on this machine.
pub fn caller(stream: &UnixStream) -> Result<Caller, ServiceError> {
    let uid = stream
        .peer_cred()
        .map_err(|error| ServiceError::Refused(format!("the system does not say who you are: {error}")))?
        .uid();
    let user = user_of(Uid::from_raw(uid))?;
    let ids = CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    let name = |gid: Gid| Group::from_gid(gid).ok().flatten().map(|group| group.name);
    let groups = ids.unwrap_or_default().into_iter().filter_map(name).collect();
    Ok(Caller { login: user.name, groups })
}

/// The login of this process.
///
/// # Errors
/// When the user has no name on this machine.
pub fn own_login() -> Result<String, ServiceError> {
    Ok(user_of(Uid::effective())?.name)
}

fn user_of(uid: Uid) -> Result<User, ServiceError> {
    match User::from_uid(uid) {
        Ok(Some(user)) => Ok(user),
        _ => Err(ServiceError::Refused(format!("user number {uid} has no login on this machine"))),
    }
}
