"""What a user may set of notices: who is told of promotions, changed shortlists and failed jobs, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

Event = Literal["promoted", "shortlist", "failed", "recovered"]


def _checked_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("https://", "http://")):
        raise ValueError("the address of a webhook starts with https:// or http://")
    return url


class NotifySettings(BaseModel):
    """The table ``[notify]`` of the settings file, or ``EXFOLIO_NOTIFY__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    events: tuple[Event, ...] = Field(
        ("promoted", "shortlist", "failed", "recovered"), description="what is told of, by the scheduler"
    )
    webhook: Annotated[SecretStr, AfterValidator(_checked_url)] | None = Field(
        None, description="address to which a notice is posted as JSON, its sentence under text; shown nowhere"
    )
    smtp_host: str | None = Field(None, description="mail server by which notices are sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="port of the mail server")
    smtp_user: str | None = Field(None, description="user of the mail server; none without")
    smtp_password: SecretStr | None = Field(None, description="password of that user; shown nowhere")
    smtp_starttls: bool = Field(default=True, description="whether mail is sent over TLS only")
    sender: str = Field("exfolio@localhost", description="address that notices come from")
    recipients: tuple[str, ...] = Field((), description="addresses that notices go to by mail")
    timeout_seconds: float = Field(10, gt=0, description="how long a webhook or mail server may take, s")
