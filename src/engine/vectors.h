/*
 * vectors.h - messages with signatures that others made, for the tests and fuzz targets of this room. Standard Webhooks and fal: from the
 * providers' documents and clients. EventBridge: a throwaway key and certificate, signatures by the openssl command.
 */
#ifndef ZT_ENGINE_VECTORS_H
#define ZT_ENGINE_VECTORS_H

#define VECTOR_SW_SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define VECTOR_SW_ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define VECTOR_SW_TIME      "1614265330"
#define VECTOR_SW_BODY      "{\"test\": 2432232314}"
#define VECTOR_SW_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

#define VECTOR_REPLICATE_SECRET    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define VECTOR_REPLICATE_ID        "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
#define VECTOR_REPLICATE_TIME      "1674087231"
#define VECTOR_REPLICATE_BODY \
    "{\"id\":\"ufawqhfynnddngldkgtslldrkq\",\"status\":\"succeeded\",\"output\":[\"https://replicate.delivery/xyz/out.mp4\"],\"error\":null}"
#define VECTOR_REPLICATE_SIGNATURE "v1,14MDSyhq6IutGR0E2qM4LkI2MYyyiciwj2VfNx1p/c4="

/* The key pair of RFC 8032, section 7.1, test 1. */
#define VECTOR_FAL_JWK     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define VECTOR_FAL_REQUEST "123e4567-e89b-12d3-a456-426614174000"
#define VECTOR_FAL_USER    "user_test"
#define VECTOR_FAL_TIME    "1768465800"
#define VECTOR_FAL_BODY \
    "{\"request_id\":\"123e4567-e89b-12d3-a456-426614174000\",\"gateway_request_id\":\"123e4567-e89b-12d3-a456-426614174000\",\"status\":\"OK\"," \
    "\"payload\":{\"video\":{\"url\":\"https://v3.fal.media/files/x/out.mp4\"}}}"
#define VECTOR_FAL_SIGNATURE \
    "815b70b181dbe854aa4aed36c802044184d02b66cb2055799012b7fe856b797b40895054e97adebcffe8bb1740ed596eb54849dcbd07a6f9a36b17339118310b"

#define VECTOR_EB_TARGET "https://photo.example.com/v1/hooks/dashscope"
#define VECTOR_EB_TIME   "1768465800123"
#define VECTOR_EB_URL    "https://cn-beijing-eventbridge.oss-accelerate.aliyuncs.com/x509_public_certificate_2021012501.pem"
#define VECTOR_EB_TOKEN  "a-token-of-our-own-0001"
#define VECTOR_EB_BODY   "{\"id\":\"e-1\",\"type\":\"dashscope:System:AsyncTaskFinish\",\"data\":{\"task_id\":\"t-1\",\"task_status\":\"SUCCEEDED\"}}"
#define VECTOR_EB_SIGNATURE \
    "3MRzk6xWzKNz6+JvpMSuv2MQfIWar3FpPF1B2bayqUTot0Qxu/7IslTCYKKFUKWXZqSITLGauq4ojtnN8iuNb73Y3USTpVdDXSOpyAUs7/vZ0a" \
    "NY39D7kGyK6VQIiJpH/5O8drLUpd1aSObJIpr6Y/Qrs/X3hDBvAtBawYnX/43SImbA9WN9AecNKhzlgZ9fEeDtX2ZzKIiuA6ggrY4g/3dxSFS6" \
    "+Vh1akvFRGm+7U7S+Xd58u+5Cc2TMTpm3ovKHPvtTCNlhupLreHaOms9Q9LESRblFZT5Yp5VcDNm4gFNXGkrPAyw59kGtGo9tTWn6iYsoqLRJL" \
    "aO4xWLkhDrBw=="
#define VECTOR_EB_SIGNATURE_LF /* with a line feed behind the body */ \
    "R8D31BaRBl6cox07U7PACMyECV5TLsH0r1nc6VsQREdxjMdJyCUfcq6XsRnZre7XkU+MAovSCq3GKr5IMEQk9tZ3GNXGBKy5E1mfjVy+C8n3Qr" \
    "AcWUh1All4pPtzWVkgGDYiWsZ1vTinH8u7EjvRV4UzxboXMkSR9fIpy7CtwRA3s6NuiqFUl01Vqwf9TPTPMbXjwB/fuifeHZ2jTseyk+nfLB7v" \
    "r8VvuNzuptmfrgtGQ5oh/3fD5tCpHMdKcBV3DBb9hfLYLfaFEun/PVx2rwXknsGf5KTTFDqbX5aa1cmtWoX9tHbJDLCIIhHfUVqZfQENQXd0aO" \
    "JuQZ6kbBk2aA=="
/* PEM without its first and last line. */
#define VECTOR_EB_CERTIFICATE \
    "MIIDHzCCAgegAwIBAgIUUmzYWqL2Sl31k+1LmIHx9tslU/swDQYJKoZIhvcNAQELBQAwHjEcMBoGA1UEAwwTZXZlbnRicmlkZ2UuZXhhbXBsZT" \
    "AgFw0yNjExMzAxMzUyMjhaGA8yMTI2MTEwNjEzNTIyOFowHjEcMBoGA1UEAwwTZXZlbnRicmlkZ2UuZXhhbXBsZTCCASIwDQYJKoZIhvcNAQEB" \
    "BQADggEPADCCAQoCggEBAPVKyn3Y08zeRipCxUoCARAKMTjiNOyCBnDIH52t8OeEs7mYw+FHXkF3AIsqVYiwTIo3aQMWZuMv+O8kgsT8uT89wO" \
    "Qea/RNHz4QiYUnMnd2EYeLCqhvJNy2FjoBr6ERD15ck5PHIrgvZfN7rU01usMK+qbK+p64BSpgtW4zfn2pvMYQAuS2cp1tWgMOBoHUC1ELqbcE" \
    "3BVchK2YT9ApiMSjbWEC212uGKt2XwJVwSdLD132j3jtdwpV/+6g8Ojcit1S9k3rYJwOjMgnBzgiqmp+bqZ8Z/lMKCrW66czCPiVI/SkDKU1w6" \
    "KVhw/suShfyI8uGtahRsyz3ZvzlidUdGcCAwEAAaNTMFEwHQYDVR0OBBYEFI2N3IZtkYvjKx8E+wsjXUqSTktWMB8GA1UdIwQYMBaAFI2N3IZt" \
    "kYvjKx8E+wsjXUqSTktWMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAJSy1WAYacTk0VTTAymkbCbOR0FB6fsIj/Edqv3L11" \
    "YjLrLLIcLzaOljWUit60YsuKvzq9YMjYuCO+BpSiZvmAIC2xlSeCXV4xnrYXguuyTvOUDbn5YZjecRUgS/YQQ0rNlN00ThlNbfGXXcGI/RUbi0" \
    "US7qcRubXzu37fcOj0XnNCBAzkCLlUl2FKUW6qLFVrulBhQzmS9K4yv9xe2kfE2iH3RVVb04kY72xUhNSiBuIKSn0dEGbiONFtJTpg4xnmxCQ6" \
    "qz1bA/NGfY7ISoso5hjWAj7Asj1JhnoRUpOVY6GnYvr/NVVlCLhKaorDN041yrksI7B9FWWeYKPpSMtdQ="
#define VECTOR_EB_KEY /* PKCS#8 */ \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQD1Ssp92NPM3kYqQsVKAgEQCjE44jTsggZwyB+drfDnhLO5mMPhR15BdwCLKl" \
    "WIsEyKN2kDFmbjL/jvJILE/Lk/PcDkHmv0TR8+EImFJzJ3dhGHiwqobyTcthY6Aa+hEQ9eXJOTxyK4L2Xze61NNbrDCvqmyvqeuAUqYLVuM359" \
    "qbzGEALktnKdbVoDDgaB1AtRC6m3BNwVXIStmE/QKYjEo21hAttdrhirdl8CVcEnSw9d9o947XcKVf/uoPDo3IrdUvZN62CcDozIJwc4Iqpqfm" \
    "6mfGf5TCgq1uunMwj4lSP0pAylNcOilYcP7LkoX8iPLhrWoUbMs92b85YnVHRnAgMBAAECggEACtotvkafDEPTP+BnYSBYkrCYv+cGJ2aTSV8Z" \
    "Qv0kmOGen/n5xJhHO8c7j2ymjx8Zq83KyBewIqIHNfFcFcIGoh0l0RHlfdABr1nE886ppW5kVSZaKNyN+XPW5OcZMZuTHf4ji1i2mQaD0LNqle" \
    "1oH2P3dfSqBOaoV9kifccqc/29zmqarzSHyAUEc6wv/yqkEUrG7a2HPhTirM1ed9FL7Zch9ke1EWApmEMypBMgZgKzUBGdOiF2zk84A0qllQ7t" \
    "UiNGK/VMz770zqlFZCqySLWTKpON3QPD5jstXNPPcAidcjsVYlc/DmiF0+UwYf0TfSk/yM2Fq+YUR2I/2e12vQKBgQD/Vg4a1rWRFnzbd39XY3" \
    "apqowIx1hGKELfOm+S64bOm9/oCQkJ/EDt6aDP0tMjeofp/ciAaBEivfo6ganftUu15zlTmeFSZPpcRWlz3G/WTo93fPIH4KalCmsPGVaCvWBv" \
    "5Ojk6PH/bdXXj3oSKRUAoAJxwxCy7Dnc8z4NjKZ4lQKBgQD17g0FsXSWbl4+HrnuhkVvE5iNKbq4IRejF/NXkAeIrpuQhSp6zciNCCHZ8a7O10" \
    "QFvmSYu/OwGMtXuRohQJZ+QPZsmr8SlN1P1/qJNdBdw2PUaAf5ikQL482A0b3zxSfyc+UKCDpIwu9A7KWo99XMG21xLv8INRTZdgcMt1iuCwKB" \
    "gQDqaRCN5yvNRT3fJfeMPM4FuYLR1GDgF7o8waMI2J1sNIH8vb7Eogbh5Cg0YzJfUfBRCyH1cJS6tnpxF/TiYchd+ScR7yWCxR1rdHX5Xhh2QK" \
    "1JXzW7sayLu+LJe9OGN2G/mAGPlaQFgcpeGWRSI9EaP8u+sPw1ptUAWXdQbR2veQKBgBXds5S1AXu6lnCJhNibYaMNp/utISfr8VET+RPo/3J8" \
    "q+I+pNdEYrd/aJsbLQLBCxBDrGgUFgerPLExCQy51GenWQGxBJofWEoYFvOKMFuV2tNw6HyceY5hE82HWI9LEVEyUsQAlUYQ5vrrz5LlbkH2kl" \
    "WE6zIMnizznI7Z4m2fAoGAVy38WEujWAbx8s3nBQbgAWtkUj8SNdiHYHGgVN8z6wpmV4EH2HUqf+Vy9TuueHJFdQRV66VI+Rlfb67EFZbJyZzn" \
    "rxupWSeX6OCG5/LJyT5F2MuufM1wN9TsqbCXIQ7ENIwBt5dwlB1mpaiIlZFyVRPwe81Bb9xUpgAod77zF3I="

#endif
