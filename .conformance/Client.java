// A client that openapi-generator made from openapi.yaml, against the sample service.
import java.util.List;
import java.util.Objects;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.JSON;
import org.openapitools.client.api.ProductEnablementApi;
import org.openapitools.client.model.DataRequirement;
import org.openapitools.client.model.Error;
import org.openapitools.client.model.EvaluatedProduct;

public final class Client {
    private static final String CLIENT = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG";
    private static final String REQUEST = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh";
    private static int checks;

    private static String url;

    public static void main(String[] args) throws ApiException {
        url = args[0];
        EvaluatedProduct complete = submit(null, CLIENT, REQUEST);
        equal("complete: status", complete.getProduct().getStatus(), "in_kyc");
        equal("complete: ids", List.of(complete.getProduct().getClientId(), complete.getProduct().getId()), List.of(CLIENT, REQUEST));
        equal("complete: missing documents", complete.getProduct().getMissingRequirements().getDocuments(), List.of());
        equal("complete: rejected", complete.getRejectedItems(), List.of());

        EvaluatedProduct incomplete = submit(null, "sample-client-incomplete", "sample-request-incomplete");
        equal("incomplete: status", incomplete.getProduct().getStatus(), "pending_documentation");
        DataRequirement data = incomplete.getProduct().getMissingRequirements().getData().get(0);
        equal("incomplete: field", data.getFields().get(0).getKey(), "phone");
        equal("incomplete: data type", data.getFields().get(0).getDataType(), "PHONE");

        refused("unknown key", "wrong", null, CLIENT, REQUEST, 401, "AUTH");
        refused("unknown client", "sample-key-level-3", null, "nobody", REQUEST, 404, "NOT_FOUND");
        refused("submitted before", "sample-key-level-3", null, CLIENT, REQUEST, 409, "VAL");
        Error limited = refused("too many", "sample-key-level-3", "status=429", CLIENT, REQUEST, 429, "TOO_MANY_REQUESTS");
        equal("too many: second name", limited.getErrorCode(), "TOO_MANY_REQUESTS");

        EvaluatedProduct unknown = submit("unknown-status", "sample-client-incomplete", "sample-request-incomplete");
        equal("unknown status", unknown.getProduct().getStatus(), "under_review");
        EvaluatedProduct added = submit("added-field", "sample-client-incomplete", "sample-request-incomplete");
        equal("added field: status", added.getProduct().getStatus(), "pending_documentation");
        equal("added field", added.getProduct().getAdditionalProperty("sample_field"), List.of("added"));
        System.out.println(checks + " checks");
    }

    private static ProductEnablementApi api(String key, String fault) {
        ApiClient client = new ApiClient().setBasePath(url);
        client.setApiKey(key);
        if (fault != null) {
            client.addDefaultHeader("X-Sample-Fault", fault);
        }
        return new ProductEnablementApi(client);
    }

    private static EvaluatedProduct submit(String fault, String client, String request) throws ApiException {
        return api("sample-key-level-3", fault).submitProduct(client, request, null);
    }

    private static Error refused(String what, String key, String fault, String client, String request, int status, String code) {
        try {
            api(key, fault).submitProduct(client, request, null);
        } catch (ApiException refusal) {
            equal(what + ": HTTP status", refusal.getCode(), status);
            Error error = JSON.deserialize(refusal.getResponseBody(), Error.class);
            equal(what + ": code", error.getCode(), code);
            return error;
        }
        throw new AssertionError(what + ": it was taken");
    }

    private static void equal(String what, Object got, Object want) {
        checks++;
        if (!Objects.equals(got, want)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }
}
