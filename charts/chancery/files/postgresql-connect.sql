
REVOKE CONNECT ON DATABASE chancery FROM PUBLIC;
GRANT CONNECT ON DATABASE chancery TO chancery_signer, chancery_intake, chancery_delivery, chancery_gateway, chancery_operator, chancery_auditor;
GRANT chancery_operator TO "chancery-operator";
GRANT chancery_gateway TO "chancery-gateway";
