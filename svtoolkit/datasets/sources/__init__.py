"""Public corpora: one file each, from a folder as it is published to manifests and trial lists."""
