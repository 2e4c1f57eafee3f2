"""Work that must not be lost: it goes on at its next step after a crash, here or on another worker."""
