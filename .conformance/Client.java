// A client that openapi-generator made from openapi.yaml, against the sample service.
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.JSON;
import org.openapitools.client.api.ClientsApi;
import org.openapitools.client.api.ProductEnablementApi;
import org.openapitools.client.model.AddressInput;
import org.openapitools.client.model.ClientInput;
import org.openapitools.client.model.DataRequirement;
import org.openapitools.client.model.DocumentInput;
import org.openapitools.client.model.DocumentationInput;
import org.openapitools.client.model.Error;
import org.openapitools.client.model.EvaluatedProduct;
import org.openapitools.client.model.Product;
import org.openapitools.client.model.ProductInput;

public final class Client {
    private interface Call {
        Object make() throws ApiException;
    }

    private static final String CLIENT = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG";
    private static final String REQUEST = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh";
    private static final String KEY = "sample-key-level-3";
    private static final String PHOTO = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";
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

        refused("unknown key", 401, "AUTH", () -> products("wrong", null).submitProduct(CLIENT, REQUEST, null));
        refused("unknown client", 404, "NOT_FOUND", () -> submit(null, "nobody", REQUEST));
        refused("submitted before", 409, "VAL", () -> submit(null, CLIENT, REQUEST));
        Error limited = refused("too many", 429, "TOO_MANY_REQUESTS", () -> submit("status=429", CLIENT, REQUEST));
        equal("too many: second name", limited.getErrorCode(), "TOO_MANY_REQUESTS");

        EvaluatedProduct unknown = submit("unknown-status", "sample-client-incomplete", "sample-request-incomplete");
        equal("unknown status", unknown.getProduct().getStatus(), "under_review");
        EvaluatedProduct added = submit("added-field", "sample-client-incomplete", "sample-request-incomplete");
        equal("added field: status", added.getProduct().getStatus(), "pending_documentation");
        equal("added field", added.getProduct().getAdditionalProperty("sample_field"), List.of("added"));
        journey();
        System.out.println(checks + " checks");
    }

    private static void journey() throws ApiException {
        ClientsApi clients = new ClientsApi(client(KEY, null));
        ProductEnablementApi products = products(KEY, null);
        AddressInput address = new AddressInput().streetLine1("Calle 1").city("Del Viso").postalCode("1669").state("ARG-B").country("ARG");
        ClientInput input = new ClientInput().firstName("Ana").lastName("Example").email("java@example.com")
            .birthDate(LocalDate.of(1984, 11, 21)).address(address);
        ProductInput card = new ProductInput().subproduct("cards_individuals");

        var created = clients.createClient(input, null);
        equal("create: status", created.getStatus(), "pending");
        String id = created.getId();
        equal("get", clients.getClient(id), created);
        equal("list: the newest", clients.listClients().get(0), created);
        var updated = clients.updateClient(id, input.phoneCountryCode(54).phoneNumber(91123456789L));
        equal("update: phone", List.of(updated.getPhoneCountryCode(), updated.getPhoneNumber()), List.of(54, 91123456789L));

        Product requested = products.requestProduct(id, card, null);
        equal("request: status", requested.getStatus(), "pending_documentation");
        equal("request: missing data", requested.getMissingRequirements().getData(), List.of());
        equal("products", products.listProducts(id), List.of(requested));
        refused("the product again", 409, "VAL", () -> products.requestProduct(id, card, null));
        refused("no product", 412, "VAL", () -> products.requestProduct(id, new ProductInput().subproduct("nothing"), null));

        DocumentInput passport = new DocumentInput().documentType("passport").imageFront(PHOTO)
            .metadata(Map.of("number", "AAA000111", "issuing_country", "ARG", "expiration_date", "2036-04-15"));
        DocumentationInput documentation = new DocumentationInput().document(passport);
        String request = requested.getId();
        EvaluatedProduct documented = products.completeDocumentation(id, request, documentation, null);
        equal("documentation: missing", documented.getProduct().getMissingRequirements().getDocuments(), List.of());
        equal("documentation: rejected", documented.getRejectedItems(), List.of());
        equal("documentation again: rejected", products.completeDocumentation(id, request, documentation, null).getRejectedItems().size(), 1);
        equal("submit: status", products.submitProduct(id, request, null).getProduct().getStatus(), "in_kyc");
        refused("a document for a request in KYC", 409, "VAL", () -> products.completeDocumentation(id, request, documentation, null));

        refused("the e-mail address again", 400, "VAL", () -> clients.createClient(input, null));
        refused("a blank name", 400, "BAD_REQUEST", () -> clients.updateClient(id, input.firstName(" ")));

        clients.deleteClient(id);
        refused("get what was deleted", 404, "NOT_FOUND", () -> clients.getClient(id));
    }

    private static ApiClient client(String key, String fault) {
        ApiClient client = new ApiClient().setBasePath(url);
        client.setApiKey(key);
        if (fault != null) {
            client.addDefaultHeader("X-Sample-Fault", fault);
        }
        return client;
    }

    private static ProductEnablementApi products(String key, String fault) {
        return new ProductEnablementApi(client(key, fault));
    }

    private static EvaluatedProduct submit(String fault, String client, String request) throws ApiException {
        return products(KEY, fault).submitProduct(client, request, null);
    }

    private static Error refused(String what, int status, String code, Call call) {
        try {
            call.make();
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
