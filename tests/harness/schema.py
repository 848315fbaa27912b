"""The schema with the limits of the default settings, executed in this process."""

from app.api.schema.schema import build_schema
from app.bootstrap import limits_of
from app.config import Settings

LIMITS = limits_of(Settings())
SCHEMA = build_schema(LIMITS)
