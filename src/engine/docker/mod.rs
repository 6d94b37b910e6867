//! Docker, through bollard. Nothing of bollard leaves this folder.
