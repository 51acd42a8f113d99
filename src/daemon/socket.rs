//! The sockets in the state folder, and who is at their other end.

use std::ffi::CString;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::net::{UnixListener, UnixStream};

use crate::service::ServiceError;

/// The socket's name in the state folder.
pub const SOCKET: &str = "anteroom.sock";

/// The name of the socket that gives figures.
pub const METRICS: &str = "metrics.sock";

/// How often, and how long apart, the folder's lock is tried: a daemon on its way out has it for a moment yet.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// A socket that is listened on. One that we made is removed in the end.
#[derive(Debug)]
pub struct Listening {
    /// Where clients come in.
    pub listener: UnixListener,
    made: Option<Made>,
    /// Kept until the socket is removed: nobody else makes or removes one meanwhile.
    _folder: Option<File>,
}

/// A socket in the file system, as it was when it was made.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for Listening {
    fn drop(&mut self) {
        // What has taken its name since is somebody else's.
        if let Some(made) = &self.made
            && inode(&made.path).is_ok_and(|found| found == made.inode)
        {
            let _ = std::fs::remove_file(&made.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Listens where systemd listened for us, otherwise in the state folder. There one daemon at a time does: of two that
/// start beside a socket that a third left behind, the slower would else remove the quicker one's.
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
        Ok(Some(listener)) => Ok(Listening { listener, made: None, _folder: None }),
        Ok(None) => {
            let folder = lock(dir).await?;
            let mut listening = bind(dir, SOCKET, group).await?;
            listening._folder = Some(folder);
            Ok(listening)
        }
        Err(what) => Err(ServiceError::Settings(format!(
            "what was handed over to listen on is no Unix stream socket ({what}): see anteroom serve --units"
        ))),
    }
}

/// Locks the folder itself, so that nothing is left behind.
async fn lock(dir: &Path) -> Result<File, ServiceError> {
    let cannot = |what: io::Error| {
        ServiceError::Settings(format!("the folder {} cannot be locked for its socket: {what}", dir.display()))
    };
    let folder = File::open(dir).map_err(cannot)?;
    for _ in 0..TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder),
            Err(Errno::WOULDBLOCK) => tokio::time::sleep(PAUSE).await,
            Err(what) => return Err(cannot(what.into())),
        }
    }
    Err(serves_already(dir))
}

fn serves_already(dir: &Path) -> ServiceError {
    ServiceError::Settings(format!("a daemon already serves {}: stop it first, or use it", dir.display()))
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
            Ok(_) => return Err(serves_already(dir)),
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
    let inode = inode(&new).map_err(|what| failed(&what))?;
    std::fs::rename(&new, &path).map_err(|what| failed(&what))?;
    Ok(Listening { listener, made: Some(Made { path, inode }), _folder: None })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// A socket that nobody answers.
    fn leave_behind(path: &Path) {
        let _ = std::fs::remove_file(path);
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    }

    #[tokio::test]
    async fn who_starts_while_another_does_removes_nothing_of_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SOCKET);
        leave_behind(&path);
        let first = listen(dir.path(), None).await.unwrap();
        // The second one saw the socket that was left behind, before the first had made its own.
        std::fs::rename(&path, dir.path().join("of the first")).unwrap();
        leave_behind(&path);
        let refused = listen(dir.path(), None).await.unwrap_err().to_string();
        assert!(refused.contains("already serves"), "{refused}");
        assert!(path.exists());
        std::fs::rename(dir.path().join("of the first"), &path).unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop(first);
        assert!(!path.exists());
        drop(listen(dir.path(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_socket_that_took_the_name_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        let listening = bind(dir.path(), METRICS, None).await.unwrap();
        std::fs::rename(&path, dir.path().join("aside")).unwrap();
        leave_behind(&path);
        drop(listening);
        assert!(path.exists());
    }
}
