"""Says how far two texts are apart."""
