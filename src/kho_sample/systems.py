"""Every system of the sample, in the order in which their exports are written."""

from kho_sample import (
    broadcasting,
    certificates,
    civil_status,
    documents,
    idesk,
    igate,
    lookups,
    ministry_forms,
    misa,
    moffice,
    one_stop,
    online_services,
    population,
    portal,
    post,
    province_desk,
    radio_survey,
    register,
    tieu_can_portal,
    workplace,
)

SYSTEMS = tuple(
    module.SYSTEM
    for module in (
        one_stop,
        province_desk,
        ministry_forms,
        documents,
        post,
        online_services,
        igate,
        certificates,
        civil_status,
        misa,
        population,
        register,
        workplace,
        idesk,
        moffice,
        portal,
        tieu_can_portal,
        broadcasting,
        radio_survey,
        lookups,
    )
)
