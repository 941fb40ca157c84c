"""Recorded measurements as stand-ins for devices: read, replayed, and used to judge strategies."""
