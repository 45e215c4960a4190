"""The environment variables that a settings class reads."""

from pydantic import BaseModel
from pydantic_settings import BaseSettings


def setting_names(settings: type[BaseSettings]) -> set[str]:
    """Every variable's name, nested groups included."""
    prefix = str(settings.model_config["env_prefix"])
    return {f"{prefix}{name}".upper() for name in _field_names(settings)}


def _field_names(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= {f"{name}__{inner}" for inner in _field_names(field.annotation)}
        else:
            names.add(name)
    return names
