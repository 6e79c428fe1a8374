/*
 * vectors.h - what foreign clients made of fixed keys, times and words; throwaway keys, which open nothing.
 * KEY_M plays the merchant, KEY_P the provider: RSA of 2048 bits, PKCS#8 and SPKI in base64; tests put the PEM lines around them.
 * Made by: wechatpay-axios-plugin 0.9.6 with wechatpay-node-v3 2.2.1 agreeing (WX), stripe 23.1.0 (STRIPE), alipay-sdk 4.14.0 (ALI).
 * Used by: *_test.c only.
 */
#ifndef ZT_PAY_VECTORS_H
#define ZT_PAY_VECTORS_H

/* clang-format off */
#define VECTOR_KEY_M \
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDHpntX8oIg3LubiqpCz15bOytQP4apDUhzlTuKE4UVbkeD3hRONZAmq3vUy8" \
    "XJEALxO/ewWriQexkypeKVT6NJAKJ5yz6pNaE2YemR3ZuysH/iLla+78maWPMn2BIsFYlTaQGTAghHV+Hw3HD1UtZRTVclYtnl8NufDAOVn9g1" \
    "6EDd6hO2nszGF5nHkJ5ejWS6v5l+mK/SrH3yPcdYdUh17K5Nz6b6Ike8T855aZmj1qCg/8dIkaKYY78wohSWkDyGS7fH2R9Zr1IeG8B0rIFlCX" \
    "CO3/7U8BLRHUf3+1hZzvXw6hHQEH9OIjcdcE3ToI2CJXQx8s/aGGrzkCMcgFUXAgMBAAECggEAHbenJmkfe3q/piBWxYkOV3AQO2qpRaKHhUTS" \
    "TvQm3BDFLlixFw8b/NWLohoOv6XVekjdzm9Ch6b7EjHk7yqieGxSwuRA2Hj2HR0n4iFlWoyxDF6vZM5WaNYSo3yi/9LY1QSNSm+EAfKP3AVD/x" \
    "AsfH+RmCwFmRdn6V2lbvETArrit4dAY7UYCPr8JGCa00er13y2wZXcd2f7sgfQgGHj5NM0jNx/mjf8nVwX69Qurg+drICOkcj76EFX5e/TFzxk" \
    "AlIyf+z3HBIqglebjMhLsnLygSPt/cUm3a1VZe+XU/CBkWsOvEGGB4fw1Y6kXgRWDAbOGPIyTsBokNNM9JeIKQKBgQD7N+1g0zaKS6Vsvw1HfV" \
    "fWsbGn2jhUoXlfHCN134zD4y8raiGZc2jHiJmmt39UTdQAZOxovXoci4Z1j1CB0evujMEl5tBnxx2Ey0+Fx7RrxqC1kt9pkwC9hD01ixlz4+2y" \
    "dYpkqDxJSLfBYLVxAyjp5eGMti4Rs/P0PiBzIc7i4wKBgQDLc0lbSlh+kp1/85Pravi/KHPkMqZEHhv4tHjiRpca38LAAekWWfBM6gdsH1ZaKp" \
    "919ETV3G42UWDQMlgvkXSWpil5wi+2kwjgmUHM6tqglPiRumjlM5OExz2tuVrJapLWGnEtKRTx5JzqX8PQOgY3I4Z6toTO62sMhguGGSy3PQKB" \
    "gQCp/BDiOGiqMT9xEuFwYy7hdgEo+66sDUrsAUU5SBeeoIXVUY4EoCPhB9w4A+fjanot/hw9TyBmWj6UI3ItNZb4JkO3WrPf1MpzhYJ8mkHJv3" \
    "AVDJmhfTe+BNHJ/iIt2aeH3qLTM0b/q3WzIrYDD0lK4yK4LLmFfwduV+9rGBA+UwKBgGI0Ccqo/kJKXv/uAQ53mg4bZqVV1W+34OSRqHAAhtuP" \
    "+p9XzLzfOODHbkHAdpwbStFS0Q8x0XkimsqkInEDkvVMy2RcWU+VdYmEMIDLNDCi98DP6+YGmURUL+91Mt9aM/po1QxpchS4tw1ioFAYUfu3iC" \
    "gfhcejVw66fUGDUVQ5AoGBAJ6ajibRqt83hE15w1hFOXGWXAeXtR84r5ShConBbiBw6gaMIZBqaAQ2e5DlhSr371nS0Yg9AE2JGUs50TfV02WZ" \
    "7SpdgDA053cTFTg5WGyRR+1YxF2mBaIyv2ecLoJBETeGtl90KL8jgLmF2P0Lbx/8SqnfZTOwXRw5GpJJwawu"
#define VECTOR_KEY_M_PUBLIC \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx6Z7V/KCINy7m4qqQs9eWzsrUD+GqQ1Ic5U7ihOFFW5Hg94UTjWQJqt71MvFyRAC8T" \
    "v3sFq4kHsZMqXilU+jSQCiecs+qTWhNmHpkd2bsrB/4i5Wvu/JmljzJ9gSLBWJU2kBkwIIR1fh8Nxw9VLWUU1XJWLZ5fDbnwwDlZ/YNehA3eoT" \
    "tp7MxheZx5CeXo1kur+Zfpiv0qx98j3HWHVIdeyuTc+m+iJHvE/OeWmZo9agoP/HSJGimGO/MKIUlpA8hku3x9kfWa9SHhvAdKyBZQlwjt/+1P" \
    "AS0R1H9/tYWc718OoR0BB/TiI3HXBN06CNgiV0MfLP2hhq85AjHIBVFwIDAQAB"
#define VECTOR_KEY_P \
    "MIIEugIBADANBgkqhkiG9w0BAQEFAASCBKQwggSgAgEAAoIBAQCzJABg0NZNZoDlf6/M6iRUoiUQyeeURzEDzacaB11bLGqGfrraEoNl6Wb8M3" \
    "07m9DZY0yWht7whzEBwTESK6ob6t9836y8o1r9zQuqQtp/NU/oHvCMREVHwbQVuXUgqy91jTk5Xsb1mi6wrsl43jHaqIUBkFasppSAkl3utzJf" \
    "wVQc8tE+94N9xfU6abWlKlx+IR1EuXroYkDbEo+MU2Z33rmrHFH09ZIsbx86MCwDJMj7LtKg8zFDBLdskaBGRoCezwnWSrAlcCNib3fAncrle+" \
    "FUMC1A9CGi/2xZeV35Y2dBobeVtPWG+gRhb36s35/Q6na9gitEaPEhGvSuvxb5AgMBAAECggEACH2BPMAbxA0tYz3Rv8ZsxIvEch8A8ty2lJL7" \
    "jjwr9HKutXijU6C91Fzt9K/eXy6eRPX+mYIYu1wg77pvtbLW7AijS827ErFdp4/qCLQEmzOpjvC2dGNrnYAZ+vnwSe/VvukbqEiBvqlZI1EUEJ" \
    "PcAjHApLIUquKgllZkOCM7x+DIvvVOY1QMyMTpgv1ReVGLoFfoMUZc7fwv1RBk7SBmbBkTlqBq7WODUFPpNJHjaEZ6/ntEGwh43+LIwd5hXurP" \
    "AB4wN7ly9DQlT8WQvieimzpp4LpF9WWGpzo/c+Gf3TaF8P1qWQizdk9b7Mt/nzkawAUZFbkWVaHue1U00GJiPQKBgQDcmLIcBnwLwZ3ZXcPG88" \
    "qGLZDEVXLL7PqJ5OOgWGH/zEb7Z2eVaa5mvDuFYvA0i13DusSz8+rN+EYT7kFRCLZN62S/2rUtsINyh4T0RuGwqRzXVM1MygjbnoCjR5l7DWi2" \
    "TO5a0i26rL4JlcX8zhcXDXQvgkdJaLpkHF7feVBxHQKBgQDP5BL95yyeLX50Lo8iAgpPvZuymSvW3V4ZuFRzFAwkWAUjky2NIoIFTF89MJdTYs" \
    "UVArBVZCI6GB6Yx7QJi2SlfSzDWg6DaZ470Df3Li4wn7K4SAarRs7q096P3EZ6TCof1C11cE093B/CYX/IYAZmEZLF13DcpcrTKaSTEZPSjQJ/" \
    "ZoqUQHLDNrPJrEDpwJGSksybfqg5tJFz5KWBKgfrhfxvAm4OuGVnrFnTUS2sesBN1a37waqgex3tdVZLBmAGXjINoyEHFzX15EcahnJsdrIltf" \
    "K1e/xuIaiMI1ok/g49noAkTBNnLl8d91ansdwa35xhZbQpbvY/rkmB0F+UBQKBgFEBnUjkiKVGMu0Qq2NkCiKSTpYkS0nZTm6VPgrtd+G9jpsT" \
    "IX/KP4HTBZVxVrX+Wa9bMdzEPPYIKfv8bTH+6AP4J7YjZF5ejHLgKr6ddxApWlmmbzrUR5KHZkUGX0wOW6e1ZNVLIj4FhTaYCVPJ3xRsqpV+4p" \
    "KH4+WuZ1uLUN+NAoGADOQM7MTdK2Aj17nvSuCzvafD7jY0C2GEkGU4+o4mogNq/jkiy3HV8rO2o81w0nJmNoQBSDtqPBYExJ8ZzHv1lV2qSveS" \
    "EUGac+NqazqO/kdqoz4sTUKGcgWoBrwsxKj8SOl8xhrzNQmDUFUEdD/+J7CHasDx90IEKFib+nIi5ws="
#define VECTOR_KEY_P_PUBLIC \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsyQAYNDWTWaA5X+vzOokVKIlEMnnlEcxA82nGgddWyxqhn662hKDZelm/DN9O5vQ2W" \
    "NMlobe8IcxAcExEiuqG+rffN+svKNa/c0LqkLafzVP6B7wjERFR8G0Fbl1IKsvdY05OV7G9ZousK7JeN4x2qiFAZBWrKaUgJJd7rcyX8FUHPLR" \
    "PveDfcX1Omm1pSpcfiEdRLl66GJA2xKPjFNmd965qxxR9PWSLG8fOjAsAyTI+y7SoPMxQwS3bJGgRkaAns8J1kqwJXAjYm93wJ3K5XvhVDAtQP" \
    "Qhov9sWXld+WNnQaG3lbT1hvoEYW9+rN+f0Op2vYIrRGjxIRr0rr8W+QIDAQAB"
#define VECTOR_WX_JSAPI_BODY \
    "{\"appid\":\"wxd678efh567hg6787\",\"mchid\":\"1900009191\",\"description\":\"Photo print A4\",\"out_trade_no\"" \
    ":\"T20260101-0001\",\"notify_url\":\"https://photo.example.com/pay/wechat/notify\",\"amount\":{\"total\":1990," \
    "\"currency\":\"CNY\"},\"payer\":{\"openid\":\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"}}"
#define VECTOR_WX_JSAPI_SIGN \
    "huJDbPZu4B7CrSFWnm3qsIPXd/+S/wyzcIjzpDImv2fsEIg1u/w8egpTpeb2K8Xeo+GYs+Su+kdQ500s+WG0AXpsJ2X8bG28tSKZwqP4+yr2es" \
    "DN9vYR3GD/ymfMSRHmumfUv/xVoVtGR4SaXG/O1BZ+AOvi/3txQadV/L6W6HEa0q0VUVwH1VhlmBiEHfkrNwqv5T5Fsf4ULbstJfEcqcbfz27D" \
    "szvrrk29qYwnyHsppO3O2hUTvUu4glnfHHsn91vXt0bF0tDceyee/Aw24QiICfkEzvrpRYCmud/mSvabfCNslT1ZJfJF6MUpUZd8u7ZJzOqS1Q" \
    "RDVZuVSrK7Ag=="
#define VECTOR_WX_QUERY_SIGN \
    "vcQ5zaIvJKbQVqaOgd3rwwYij60HWSVyQKOcg7/B97eMH01BKvUIqzXEQL5t3Da2TCICYBrK1uHEoxEilcqCXQkT1ftD28UL2ZTvAUHvwws9pI" \
    "UiSoP5RNryo+xrlnD+rVpgODfKXvodIKayjF5hXePkWW2C6DkL/ysnOp28WS/8gox1jEtCOpfWBT+OIsadul/Vw/RwkAjdwGXWvfp1tJ2btQ4A" \
    "3d8vzy/oCxgAXHs7fnn72R2TPJJVeHRaeZi+eoFoHzQqWrnbPYmfNy4H/klcaxlzquwIbTB79KhZrepqjlA+/4WY1zNbfiz2s1BI6ybvnelsZM" \
    "9HJWQZ1lE7VA=="
#define VECTOR_WX_CALL_UP_SIGN \
    "wpWj5rwkNueSfXdMsJ+LchtLtsDW15NHhfBTMvctrgrKxBDqKjMSNWvUSVdh0b/EWZxByfZLhWff+nQ7KRkT9pV/t9mmaAzEkI75rPJI01RJ8b" \
    "Kvwc+JK932x5bpg90KsyNhrDXfn6LX2PmpdQ/Bomh9wBgecO+iSRWBOiT8M+H+IMGytcshrKkGoALkCzdzRPbsDIE3M8uYUbjGhdNq9IwE3UtV" \
    "seRuAl70HHwLwyydCVCqqNpXxR7wkjVUlP04zCQprFOrYt7Qa4YuMNNSNBSkQo0uEjCNqZUBcxxffLL95IZj4/c/ViL+P2SHqNFRmOWVgsBV6l" \
    "Ai08gsAde2qQ=="
#define VECTOR_WX_ANSWER_BODY \
    "{\"prepay_id\":\"wx201410272009395522657a690389285100\"}"
#define VECTOR_WX_ANSWER_SIGN \
    "eX5qxg0702nH4fLAgT6c1V9fIqHZy84vYOaWJqvW8mIGUW19n8izQPTN5imU9oKqBsqNsU/7knC6JYthdEcJ4KZSbiiw03sW/Y05n4qqKVZtVm" \
    "2KW3qmEEqKjmXpankWoRb7e6zvoQB89Eb9+zBjzvbyCpuYWqNXEZE7XjvJ4rIcJ6fyz98YALcqpYBvIoB4d4/XDAWEe4NJoBG/Hj7GTUU0uJeM" \
    "txnw216+D3rPjgglE7j7ysg6rsQQAAH3igCMZR1IAIalW41oa777KbpBOcehUGUL2l5Vhtw/JchA0KjdMaB4WwGmJrJ3p66YxsOMqeqFx2f8KW" \
    "3558OeERnQQw=="
#define VECTOR_WX_EMPTY_SIGN \
    "AS4FfCmMogHtQyho/G+O0DlKmhX6s1B+GQ9iwmpX9HgGGzDzMrC1QcvxGmL+tUWDgWp/HTjxLbSjRPeTbuBOZ2BDu9yvjr6eLXAQsnCYQ2fp3Y" \
    "sz2Vk3MWeIW18871PEtReFo7Dhd+ASOaIUB4F6deWCFT0Wm1QRziOXAnbu2NWAD57QDyKGsUTyt6gtg6bkerxVesRBaymQx0bhwHw/SmQZildx" \
    "b2n8geS0KeeqkfYc+zVfGIH228v15wOZLG4avZUAe4uTMEUtNIsOIivFoglpg54pxxWHC1aUL2G3dl9iesIChrPorv3eg3UaJtud13nEXt6Eu4" \
    "RFr+jtsERrlA=="
#define VECTOR_WX_PLAIN \
    "{\"mchid\":\"1900009191\",\"appid\":\"wxd678efh567hg6787\",\"out_trade_no\":\"T20260101-0001\",\"transaction_i" \
    "d\":\"4200000000202601010000000001\",\"trade_type\":\"JSAPI\",\"trade_state\":\"SUCCESS\",\"trade_state_desc\"" \
    ":\"支付成功\",\"bank_type\":\"OTHERS\",\"attach\":\"\",\"success_time\":\"2026-01-01T10:34:56+08:00\",\"payer\":{" \
    "\"openid\":\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"},\"amount\":{\"total\":1990,\"payer_total\":1990,\"currency\":\"CN" \
    "Y\",\"payer_currency\":\"CNY\"}}"
#define VECTOR_WX_SEALED \
    "DUcegK33A8MEOgdCtMPWwA5rxFjy3c3BTENCdjZ/7K2gbkFM2sU/cZ/UPNrLir4DXaSrqBdzgGy/sMCWIPKVQdMoXvM4xWsjZxJ+TWEOBs8W/k" \
    "2esVtW0z++PpibBI62CFqPwgqP0D4bGTSkNREMz0SWcyAbguoGnnisNS4C5dQFIqu15AMpeyahpiSu4PKmZqGxF/p/Kuo7FnPyTLLom8qpl0/V" \
    "AHy0W8sTsY5gTNdUPjp93AMhjYdLTdRuDgij7my5vyJhflZmx5LbxmFv7W9jxHpON48P3LYomzlOF0MrM4mkFcqmQ5jLxpjPgA9sS1l9rSM9pn" \
    "8y7c3axwDqdBz0VQlt7vCveOvmB1lO8AtwXwG7aHBTSICdQ2mcmsES/V6gJRRib/xUMltLjTo1FB4zq2NbKrtpt8jSgihv5WhbrTHx94hPmj+7" \
    "vJ7anNUzzNg2MV937NAdztxTYwvCAK8cvHwiAOzxGkGDzS/z/thGjmDfy+xrPiOJIjwHbPh7VUg+naYo7GAXIyuReVInVlHVXMoKQENMs1jdmo" \
    "3MCAoLPZP5x5kTz2fHW5fDgdzXgR0M"
#define VECTOR_WX_NOTICE_BODY \
    "{\"id\":\"EV-2018022511223320873\",\"create_time\":\"2026-01-01T10:34:57+08:00\",\"resource_type\":\"encrypt-r" \
    "esource\",\"event_type\":\"TRANSACTION.SUCCESS\",\"summary\":\"支付成功\",\"resource\":{\"original_type\":\"transa" \
    "ction\",\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"DUcegK33A8MEOgdCtMPWwA5rxFjy3c3BTENCdjZ/7K2gbkFM2s" \
    "U/cZ/UPNrLir4DXaSrqBdzgGy/sMCWIPKVQdMoXvM4xWsjZxJ+TWEOBs8W/k2esVtW0z++PpibBI62CFqPwgqP0D4bGTSkNREMz0SWcyAbguoG" \
    "nnisNS4C5dQFIqu15AMpeyahpiSu4PKmZqGxF/p/Kuo7FnPyTLLom8qpl0/VAHy0W8sTsY5gTNdUPjp93AMhjYdLTdRuDgij7my5vyJhflZmx5" \
    "LbxmFv7W9jxHpON48P3LYomzlOF0MrM4mkFcqmQ5jLxpjPgA9sS1l9rSM9pn8y7c3axwDqdBz0VQlt7vCveOvmB1lO8AtwXwG7aHBTSICdQ2mc" \
    "msES/V6gJRRib/xUMltLjTo1FB4zq2NbKrtpt8jSgihv5WhbrTHx94hPmj+7vJ7anNUzzNg2MV937NAdztxTYwvCAK8cvHwiAOzxGkGDzS/z/t" \
    "hGjmDfy+xrPiOJIjwHbPh7VUg+naYo7GAXIyuReVInVlHVXMoKQENMs1jdmo3MCAoLPZP5x5kTz2fHW5fDgdzXgR0M\",\"associated_data" \
    "\":\"transaction\",\"nonce\":\"fdasflkja484\"}}"
#define VECTOR_WX_NOTICE_SIGN \
    "Huo/8YM072cinmFMBuwDBbM4TQjveolZ5+GEazu93ORq6LP/nzLBlap3rtDNoaO61eMGSZZb8H0r1D5p9K7J7RbSrQQ7OzHDlk7SeoRXk8MEcC" \
    "PcvOXx2Fy1Vc4mfglPyfXqGTci4aILG2dQ83jQEI9nLf+5NQvVH9nJqfwFICVRP68V3mmeH4ebu/6XqNJdm5dTL0Vm35uI1lG/BK2+80vim70z" \
    "8SvFvgOV/tPk2HE8Zj7tiKrITdwZ3+chkjh5kZpUl01iFuEqPlYSTmiCuqJVJG0u52DMhNtcAefiUfNvv2g7uRiXt1JCd6FsR9xhMXd+ADYpub" \
    "bQh2X8c6ZqMQ=="
#define VECTOR_WX_OAEP \
    "ummqQxuYJRAnDjo3zPqy7kn0KuXJB8NzFufsIIEaaZskxA9dvEI1XcNs/dwxuqo/Rb/nfE2xnyHZ0mWOiovC3rP6QNEWjhqAAtlyA+VorKYttz" \
    "5nBiGrIuNeP4tauNf/h61k5DoWt7AehlImGq51J/mUWqh0Ei8QsXzJrTDebUQKsqw8IRqbv/wvkoS65R7zCMwRidU7Y7JmvicJrCLG5bhg0OkU" \
    "PlsrPltwy9RT6aqkB431aHnO8F7iQELTqL2qWLxSD4fPpxKebWdQwUPqa5qLDFMdgSMma3IZnnqJIBcowkvvDSMLlNo8SLkPhYo8IYQAM75xPk" \
    "fsCRnfwW/m9w=="
#define VECTOR_STRIPE_BODY \
    "{\"id\":\"evt_1PtestA\",\"object\":\"event\",\"api_version\":\"2024-06-20\",\"created\":1700000000,\"type\":\"" \
    "checkout.session.completed\",\"livemode\":false,\"pending_webhooks\":1,\"request\":{\"id\":null,\"idempotency_" \
    "key\":null},\"data\":{\"object\":{\"id\":\"cs_test_a1\",\"object\":\"checkout.session\",\"payment_status\":\"p" \
    "aid\",\"client_reference_id\":\"order-42\"}}}"
#define VECTOR_STRIPE_HEADER \
    "t=1700000000,v1=621189f13b220fc6643300fec33a17c9b47597a6c537d4c56b35343526520d94"
#define VECTOR_ALI_REQUEST \
    "app_id=2021000000000001&biz_content={\"out_trade_no\":\"T20260101-0001\",\"product_code\":\"FAST_INSTANT_TRADE" \
    "_PAY\",\"total_amount\":\"19.90\",\"subject\":\"Photo print A4\"}&charset=utf-8&method=alipay.trade.page.pay&n" \
    "otify_url=https://photo.example.com/pay/alipay/notify&return_url=https://photo.example.com/pay/return&sign_typ" \
    "e=RSA2&timestamp=2026-01-02 11:04:05&version=1.0"
#define VECTOR_ALI_REQUEST_SIGN \
    "HaiiLuNCd3GhgBrrTCRnykKQOoJDpf8ODkr+3w1eA5YXBq4Xwj/itVKxb5dG3Ndz5+JH2CcY0RQfiYAaOYdyCAfN86sdS5IzmCJDnLKrHPOS/D" \
    "vDFzSTywLH+yVk803ATRqeFz48iVE7NsFqHETkuesZvu701hej+2VQij19Bg1g2f05UQEZ0TUcU0TY8FIB5Bfta5PyfOrGTROjR1ltTsmoEerg" \
    "251jdGuKdAZOATLqtYtyG+Ll87qPVWpcysvg1l4hkoxSHw/qqTXJtj/MrEcXOzfrxuMDwQqKxwFU52jLK7Gc2+fzDUoBDjgGogcU7jLC7byBa9" \
    "sfq3bqmRKCoQ=="
#define VECTOR_ALI_NOTICE \
    "app_id=2021000000000001&auth_app_id=2021000000000001&buyer_id=2088102116773037&buyer_pay_amount=19.90&charset=" \
    "utf-8&gmt_create=2026-01-02 11:04:05&gmt_payment=2026-01-02 11:04:10&invoice_amount=19.90&notify_id=2026010200" \
    "222110410000000000000001&notify_time=2026-01-02 11:04:11&notify_type=trade_status_sync&out_trade_no=T20260101-" \
    "0001&point_amount=0.00&receipt_amount=19.90&seller_id=2088102119685838&subject=Photo print A4&total_amount=19." \
    "90&trade_no=2026010222001400000000000001&trade_status=TRADE_SUCCESS&version=1.0"
#define VECTOR_ALI_NOTICE_SIGN \
    "loGpUQcfyTOxTkQ6HtEFtMvS71ca4QLdhFxhy56kI6AIOmjO9gCrflu7wa5YZz/iOtVqJqvFuHzGU2bI01AEqlgdrBvhZE76mFFYpVKa2c0mAz" \
    "xqXmFY/HVSHH2E7YmybzMNpwl9NluncqmeUvmoTj5U4BlZv3gHXcI0WtadifDuGdHE4Sb1IaJz1NrdY6jYKMGhUCD34zaPeAGkTYbwjgiNs/Ze" \
    "Z3ovjEfBamE3YwTaqsQw/zMYsl70lJUiAbmIadF2ybFnRYyAIHL9GcXcHz9xQEim+BbEzi6YfWwbTB5QhO97PTrx7AbQqZI0vF3XOJRPbYvf3h" \
    "IXarCcG13a0Q=="
/* clang-format on */

#endif
